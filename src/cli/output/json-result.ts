import type { Writable } from 'node:stream';

import { errorJson } from './error-json.js';
import { shownJson } from './shown-text.js';

/** The version of the contract of `--json`. Members may be added to a version, but none is removed or changed. */
const SCHEMA_VERSION = 1;

/** The members of a result, after those of every result. Members that are `undefined` are omitted. */
export type JsonMembers = Readonly<Record<string, unknown>>;

/** JSON that is a part of a result as it was read: its numbers, escapes and duplicate members stay as written. */
export class JsonText {
  /** @param text valid JSON, indented by two spaces */
  constructor(readonly text: string) {}
}

/**
 * The result of a call as one JSON object. It is printed when the call has ended, so that there is exactly one, whatever
 * fails after a command has its result.
 */
export class JsonResult {
  #isAsked: boolean;
  #members: object = {};
  #failure: unknown;

  /** @param isAsked whether the command line asks for JSON, which also applies if it cannot be parsed */
  constructor(isAsked: boolean) {
    this.#isAsked = isAsked;
  }

  /** Sets the members of the result. */
  set(members: object): void {
    this.#isAsked = true;
    this.#members = members;
  }

  /** Marks the result as that of a failure. The members that were set stay. */
  fail(error: unknown): void {
    this.#failure = error;
  }

  /** Prints the object, if the call asks for JSON. */
  print(stdout: Writable): void {
    if (this.#isAsked) stdout.write(`${this.#text()}\n`);
  }

  #text(): string {
    const failure = this.#failure === undefined ? { ok: true } : { ok: false, ...errorJson(this.#failure) };
    return shownJson(format({ schemaVersion: SCHEMA_VERSION, ...failure, ...this.#members }, '\n'));
  }
}

/** Returns the result of a success as plain data, as parsers read it. */
export function plainResult(members: object): unknown {
  return JSON.parse(format({ schemaVersion: SCHEMA_VERSION, ok: true, ...members }, '\n'));
}

/** Formats a value as `JSON.stringify` does with two spaces. @param newline the line end with the indentation of the value */
function format(value: unknown, newline: string): string {
  if (value instanceof JsonText) return value.text.replaceAll('\n', newline);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const inner = `${newline}  `;
  const [open, close, parts] = Array.isArray(value)
    ? ['[', ']', value.map((item) => format(item, inner))]
    : [
        '{',
        '}',
        membersOf(value).map(([name, member]) => `${JSON.stringify(name)}: ${format(member, inner)}`),
      ];
  return parts.length === 0 ? open + close : `${open}${inner}${parts.join(`,${inner}`)}${newline}${close}`;
}

function membersOf(value: object): [string, unknown][] {
  return Object.entries(value).filter(([, member]) => member !== undefined);
}
