/**
 * What commands print: results, tables, reports and error messages.
 *
 * Offers check-document, diff-table, draft-json, error-text, format, guard-output, indent-json, inspect-table,
 * inspect-tree, inspect-verbose, output, plan-lines, push-files, terminal.
 * @module cli/output
 */
import type { Writable } from 'node:stream';

import { harmlessText } from './harmless-text.js';
import type { WorkEvent } from '../../content/events.js';

/** Where a command's words go: the result to stdout, all else to stderr. */
export class Output {
  readonly #stdout: Writable;
  readonly #progress: Progress;
  readonly #quiet: boolean;
  readonly #ask: (text: string) => void;
  /** Whether results for people may be coloured. */
  readonly color: boolean;

  constructor(
    stdout: Writable,
    progress: Progress,
    options: {
      readonly quiet: boolean;
      readonly color?: boolean;
      /** Writes to a person at the terminal. */
      readonly ask?: (text: string) => void;
    },
  ) {
    this.#stdout = stdout;
    this.#progress = progress;
    this.#quiet = options.quiet;
    this.color = options.color ?? false;
    this.#ask = options.ask ?? ((): void => {});
  }

  /** A line of the result. */
  line(text: string): void {
    this.#result(`${text}\n`);
  }

  /** A part of the result exactly as it is. */
  bytes(bytes: Uint8Array): void {
    this.#result(bytes);
  }

  /** The result as one JSON document. */
  json(value: unknown): void {
    this.line(JSON.stringify(value, undefined, 2));
  }

  /** A line on stderr that `--quiet` leaves out. */
  warn(message: string): void {
    if (!this.#quiet) this.error(`warning: ${message}`);
  }

  /** A line on stderr. */
  error(text: string): void {
    this.#progress.print(harmlessText(text));
  }

  /** A question on stderr, which the answer is typed behind. */
  prompt(text: string): void {
    this.#progress.stop();
    this.#ask(text);
  }

  /** Both streams may be the same screen, so nothing may be drawn on it any more. */
  #result(text: string | Uint8Array): void {
    this.#progress.stop();
    this.#stdout.write(text);
  }
}

/** Shows on stderr what the work reports. */
export interface Progress {
  show(event: WorkEvent): void;
  /** Writes a whole line to stderr without disturbing what is drawn there. */
  print(line: string): void;
  /** Takes away what is drawn. May be called twice. */
  stop(): void;
}
