import type { Writable } from 'node:stream';

import { ArgumentError, messageLine } from '../../oci/errors.js';
import { hasFlag } from '../flags.js';
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

/** The format of the lines on stderr. With `github`, warnings and errors are annotations of the run in GitHub Actions. */
export type LogFormat = 'text' | 'json' | 'github';

/** The options that decide what appears on stderr. */
export interface LogOptions {
  readonly quiet?: boolean | undefined;
  readonly debug?: boolean | undefined;
  readonly progress?: string | undefined;
  readonly 'log-level'?: LogLevel | undefined;
  readonly 'log-format'?: 'text' | 'json' | undefined;
  readonly github?: boolean | undefined;
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
export function writeRecord(stream: Writable, record: LogRecord, format: LogFormat | undefined): void {
  stream.write(`${recordLine(record, format)}\n`);
}

function recordLine(record: LogRecord, format: LogFormat | undefined): string {
  const { level, event, message } = record;
  if (format === 'json') return recordJson(record);
  if (format === 'github' && level === 'error') return annotation('error', message);
  // Retries are warnings too, but GitHub shows only ten for each step.
  if (format === 'github' && level === 'warn' && event === 'warning') return annotation('warning', message);
  return shownMessage(recordText(record));
}

/** Returns the command that makes a text an annotation of the run in GitHub Actions, as one line. */
export function annotation(level: 'error' | 'warning', text: string): string {
  const lines = text.split('\n').map(shownMessage).join('\n');
  return `::${level} title=multiarch::${lines.replaceAll('%', '%25').replaceAll('\n', '%0A')}`;
}

/** Returns the format of the lines on stderr. `--github` outside of GitHub Actions, as in a test, has no effect on them. */
export function logFormat(
  { github, 'log-format': format }: Pick<LogOptions, 'log-format' | 'github'>,
  env: NodeJS.ProcessEnv,
): LogFormat | undefined {
  return github === true && format !== 'json' && env['GITHUB_ACTIONS'] === 'true' ? 'github' : format;
}

/** How the error at the end of a call is written. */
export interface ErrorStyle {
  readonly format: LogFormat | undefined;
  /** Whether the stack is a part of it. */
  readonly isDebug: boolean;
}

/** Returns the style that options decide. Of options that contradict each other, one that asks for debugging counts. */
export function errorStyle(options: LogOptions, env: NodeJS.ProcessEnv): ErrorStyle {
  const isDebug = options.debug === true || options['log-level'] === 'debug';
  return { format: logFormat(options, env), isDebug };
}

/** The variables of the options that decide it. */
const ERROR_VARIABLES = ['MULTIARCH_LOG_LEVEL', 'MULTIARCH_DEBUG', 'MULTIARCH_LOG_FORMAT'];

/** Returns the style for a command line that cannot be parsed: the one that its arguments ask for, else the variables. */
export function errorStyleOf(argv: readonly string[], env: NodeJS.ProcessEnv): ErrorStyle {
  const [level, debug, format] = ERROR_VARIABLES.map((name) => env[name]);
  const hasLevel =
    hasFlag(argv, 'debug') || hasFlag(argv, 'quiet') || argv.some((arg) => arg.startsWith('--log-level'));
  const isJson =
    hasFlag(argv, 'log-format', 'json') || (format === 'json' && !hasFlag(argv, 'log-format', 'text'));
  return {
    format: logFormat({ github: hasFlag(argv, 'github'), 'log-format': isJson ? 'json' : 'text' }, env),
    isDebug:
      hasFlag(argv, 'debug') ||
      hasFlag(argv, 'log-level', 'debug') ||
      (!hasLevel && (level === 'debug' || /^(?:1|t|true)$/i.test(debug ?? ''))),
  };
}
