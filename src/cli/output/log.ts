import type { Writable } from 'node:stream';

import { ArgumentError, messageLine } from '../../oci/errors.js';
import { shownJson, shownMessage } from './shown-text.js';

export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** A line on stderr. */
export interface LogRecord {
  readonly level: LogLevel;
  /** What happened, for programs: the kind of the event. */
  readonly event: string;
  readonly message: string;
  /** The line as text, if it is not the message after its level. */
  readonly text?: string;
  /** Further members of the JSON object. Members that are `undefined` are omitted. */
  readonly fields?: Readonly<Record<string, unknown>> | undefined;
}

/** The options that decide what appears on stderr. */
export interface LogOptions {
  readonly quiet?: boolean | undefined;
  readonly debug?: boolean | undefined;
  readonly progress?: string | undefined;
  readonly 'log-level'?: LogLevel | undefined;
  readonly 'log-format'?: 'text' | 'json' | undefined;
}

/**
 * Returns the level whose records, and those of the levels before it, appear on stderr.
 * @throws ArgumentError for flags that contradict each other
 */
export function logLevel({ quiet, debug, progress, 'log-level': level }: LogOptions): LogLevel {
  if (level === undefined) return debug === true ? 'debug' : quiet === true ? 'error' : 'info';
  const contradictions = [
    ...(debug === true && level !== 'debug' ? ['--debug'] : []),
    ...(quiet === true && level !== 'error' && level !== 'debug' ? ['--quiet'] : []),
    ...(progress === 'plain' && (level === 'error' || level === 'warn') ? ['--progress plain'] : []),
  ];
  if (contradictions.length === 0) return level;
  throw new ArgumentError(`${contradictions.join(' and ')} and --log-level ${level} contradict each other`);
}

/** Returns a function that reports whether a record appears. `--quiet --debug` logs requests, but no progress and warnings. */
export function logFilter(options: LogOptions): (record: Pick<LogRecord, 'level'>) => boolean {
  const shown = logLevel(options);
  const isQuiet = options.quiet === true;
  return ({ level }) =>
    LOG_LEVELS.indexOf(level) <= LOG_LEVELS.indexOf(shown) &&
    !(isQuiet && (level === 'warn' || level === 'info'));
}

/** The record as one line of text. */
function recordText({ level, message, text }: LogRecord): string {
  if (text !== undefined) return text;
  if (level === 'error') return `error: ${message}`;
  return level === 'warn' ? `warning: ${message}` : message;
}

/** The record as one line of JSON: `time`, `level`, `event` and `message` come first. */
function recordJson({ level, event, message, fields }: LogRecord, time = new Date()): string {
  const record = { time: time.toISOString(), level, event, message: messageLine(message), ...fields };
  return shownJson(JSON.stringify(record));
}

/** Writes a record as a line. */
export function writeRecord(stream: Writable, record: LogRecord, format: LogOptions['log-format']): void {
  stream.write(`${format === 'json' ? recordJson(record) : shownMessage(recordText(record))}\n`);
}

/** Reports whether a command line asks for a log in JSON, also one that cannot be parsed: then its error is JSON. */
export function asksForJsonLog(argv: readonly string[]): boolean {
  return hasFlag(argv, '--log-format', 'json');
}

/** Reports whether a command line asks for the stacks of errors. */
export function asksForDebug(argv: readonly string[]): boolean {
  return argv.includes('--debug') || hasFlag(argv, '--log-level', 'debug');
}

function hasFlag(argv: readonly string[], flag: string, value: string): boolean {
  const end = argv.indexOf('--');
  const flags = argv.slice(0, end === -1 ? undefined : end);
  return flags.some(
    (arg, index) => arg === `${flag}=${value}` || (arg === flag && flags[index + 1] === value),
  );
}
