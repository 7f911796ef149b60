/**
 * The output of commands: results, tables, report files and error messages.
 *
 * Offers diff-table, draft-text, error-text, format, indent-json, inspect-html, inspect-table, inspect-tree,
 * inspect-verbose, json-result, log, mermaid-graph, output, plan-lines, push-json, report-files, shown-text, template, terminal.
 * @module cli/output
 */
import type { Writable } from 'node:stream';

import type { WorkEvent } from '../../content/events.js';
import type { MultiarchErrors } from '../../oci/errors.js';
import { plainResult, type JsonResult } from './json-result.js';
import { shownJson, shownLine } from './shown-text.js';
import type { LogRecord } from './log.js';
import type { Screen } from './terminal.js';
import type { Template } from './template.js';

/** The output of a command: the result on stdout, everything else on stderr. */
export class Output {
  readonly #stdout: Writable;
  readonly #progress: Progress;
  readonly #shows: (record: LogRecord) => boolean;
  readonly #json: JsonResult;
  readonly #template: Template | undefined;
  readonly #ask: (text: string) => void;
  /** Whether the result may be coloured. */
  readonly color: boolean;
  /** Where the result is shown. */
  readonly screen: Screen;

  constructor(
    stdout: Writable,
    progress: Progress,
    options: {
      /** Whether a record appears on stderr. */
      readonly shows: (record: LogRecord) => boolean;
      /** Takes the result of a call with `--json`. */
      readonly result: JsonResult;
      /** The form of the result (`--format`). @default JSON */
      readonly template?: Template | undefined;
      readonly color?: boolean;
      readonly screen: Screen;
      /** Writes a question to the terminal. */
      readonly ask?: (text: string) => void;
    },
  ) {
    this.#stdout = stdout;
    this.#progress = progress;
    this.#shows = options.shows;
    this.#json = options.result;
    this.#template = options.template;
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
   * Sets the members of the result in JSON. The object is printed when the call has ended, also if it fails after this. With a
   * template, prints what that selects.
   * @param failure the error of a result that is a failure, of which the command has told on stderr
   */
  json(members: object, failure?: MultiarchErrors): void {
    if (this.#template !== undefined) {
      const text = this.#template(plainResult(members));
      this.#result(text.endsWith('\n') ? text : `${text}\n`);
      return;
    }
    this.#json.set(members);
    if (failure !== undefined) this.#json.fail(failure);
  }

  /** Prints a warning on stderr, unless the log level excludes it. @param fields further members of a log in JSON */
  warn(message: string, event = 'warning', fields: LogRecord['fields'] = {}): void {
    this.log({ level: 'warn', event, message, fields });
  }

  /** Prints a line on stderr, unless the log level excludes it. @param fields further members of a log in JSON */
  note(message: string, event = 'note', fields: LogRecord['fields'] = {}): void {
    this.log({ level: 'info', event, message, fields });
  }

  /** Prints an error on stderr that does not end the command. */
  error(message: string): void {
    this.log({ level: 'error', event: 'error', message });
  }

  /** Prints a line on stderr that was requested, or that docker prints, whatever the log level. */
  notice(message: string, event = 'notice'): void {
    this.#progress.log({ level: 'info', event, message });
  }

  /** Prints a record on stderr, unless the log level excludes it. */
  log(record: LogRecord): void {
    if (this.#shows(record)) this.#progress.log(record);
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
  /** Prints a record as one line on stderr without disturbing the drawn progress. */
  log(record: LogRecord): void;
  /** Erases the drawn progress. May be called repeatedly. */
  stop(): void;
}
