/**
 * The output of commands: results, tables, report files and error messages.
 *
 * Offers diff-table, draft-text, error-text, format, indent-json, inspect-table, inspect-tree, inspect-verbose,
 * json-result, output, plan-lines, push-json, report-files, shown-text, terminal.
 * @module cli/output
 */
import type { Writable } from 'node:stream';

import type { WorkEvent } from '../../content/events.js';
import type { MultiarchErrors } from '../../oci/errors.js';
import type { JsonResult } from './json-result.js';
import { shownJson, shownLine } from './shown-text.js';
import type { Screen } from './terminal.js';

/** The output of a command: the result on stdout, everything else on stderr. */
export class Output {
  readonly #stdout: Writable;
  readonly #progress: Progress;
  readonly #quiet: boolean;
  readonly #json: JsonResult;
  readonly #ask: (text: string) => void;
  /** Whether the result may be coloured. */
  readonly color: boolean;
  /** Where the result is shown. */
  readonly screen: Screen;

  constructor(
    stdout: Writable,
    progress: Progress,
    options: {
      readonly quiet: boolean;
      /** Takes the result of a call with `--json`. */
      readonly result: JsonResult;
      readonly color?: boolean;
      readonly screen: Screen;
      /** Writes a question to the terminal. */
      readonly ask?: (text: string) => void;
    },
  ) {
    this.#stdout = stdout;
    this.#progress = progress;
    this.#quiet = options.quiet;
    this.#json = options.result;
    this.color = options.color ?? false;
    this.screen = options.screen;
    this.#ask = options.ask ?? ((): void => {});
  }

  /** Prints a line of the result. */
  line(text: string): void {
    this.#result(`${shownLine(text)}\n`);
  }

  /** Prints the lines of a table or tree, whose cells are printable, in colour where {@link color} is set. */
  lines(texts: readonly string[]): void {
    for (const text of texts) this.#result(`${shownLine(text, { color: this.color })}\n`);
  }

  /** Prints a JSON document of several lines as the result. */
  document(json: string): void {
    this.#result(`${shownJson(json)}\n`);
  }

  /** Writes the bytes of the result as they are, whatever they contain. */
  bytes(bytes: Uint8Array): void {
    this.#result(bytes);
  }

  /**
   * Sets the members of the result in JSON. The object is printed when the call has ended, also if it fails after this.
   * @param failure the error of a result that is a failure, of which the command has told on stderr
   */
  json(members: object, failure?: MultiarchErrors): void {
    this.#json.set(members);
    if (failure !== undefined) this.#json.fail(failure);
  }

  /** Prints a warning on stderr, unless `--quiet` is set. */
  warn(message: string): void {
    if (!this.#quiet) this.error(`warning: ${message}`);
  }

  /** Prints a line on stderr, unless `--quiet` is set. */
  note(text: string): void {
    if (!this.#quiet) this.error(text);
  }

  /** Prints a line on stderr. */
  error(text: string): void {
    this.#progress.print(text);
  }

  /** Prints a question on stderr, without a line feed. */
  prompt(text: string): void {
    this.#progress.stop();
    this.#ask(text);
  }

  /** Stops progress first: both streams may be the same screen. */
  #result(text: string | Uint8Array): void {
    this.#progress.stop();
    this.#stdout.write(text);
  }
}

/** Shows progress on stderr. */
export interface Progress {
  show(event: WorkEvent): void;
  /** Prints a text as one line on stderr without disturbing the drawn progress. */
  print(line: string): void;
  /** Erases the drawn progress. May be called repeatedly. */
  stop(): void;
}
