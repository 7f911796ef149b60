import { inspect } from 'node:util';

import { CancelledError, InvalidError, MultiarchError, type Problem } from '../../oci/errors.js';
import { listFindings } from '../../oci/list-findings.js';
import { BUG_HINT, describedError, errorJson } from './error-json.js';
import type { LogRecord } from './log.js';
import { shownMessage } from './shown-text.js';

/** Messages of `docker manifest` that scripts compare. They stay as they are, without a prefix. */
const DOCKER_MESSAGE =
  /^(?:no such manifest: |refusing to amend an existing manifest list|manifest (?:for image|entry for image|\S+ must have) )/i;

/** The number of causes that `--debug` shows. */
const MAX_CAUSES = 10;

/**
 * Formats an error for stderr: the message after `error: `, one line for each problem of an invalid document, and the hint
 * after `hint: `. With `debug`, the stack follows. Has no line feed at the end.
 */
export function errorText(thrown: unknown, debug: boolean): string {
  const error = describedError(thrown);
  const [message = '', ...details] = messageLines(error);
  // An interrupted command has not failed, and docker's messages are what scripts expect.
  const isPlain = error instanceof CancelledError || DOCKER_MESSAGE.test(message);
  const lines = [isPlain ? message : `error: ${message}`, ...details];
  if (error instanceof InvalidError) {
    lines.push(...problemLines(error.problems).map((line) => `  ${line}`));
  }
  if (error instanceof MultiarchError) {
    if (error.hint !== undefined) lines.push(`hint: ${error.hint}`);
  } else if (!debug) {
    lines.push(`hint: ${BUG_HINT}`);
  }
  if (debug) lines.push(...debugLines(error));
  return lines.map(shownMessage).join('\n');
}

/** The record of an error that ends a command, for a log in JSON. With `debug`, it has the stack. */
export function errorRecord(thrown: unknown, debug: boolean): LogRecord {
  const error = describedError(thrown);
  const [message = '', ...details] = messageLines(error);
  const stack = debug ? { stack: debugLines(error).map(shownMessage) } : {};
  return {
    level: 'error',
    event: 'error',
    message: [message, ...details].join(' '),
    fields: { ...errorJson(thrown), ...stack },
  };
}

/** Formats the problems of a document, each with location, message and rule. Of many of one rule, the first are listed. */
export function problemLines(problems: readonly Problem[]): string[] {
  return listFindings(problems, ({ rule }) => rule, problemText);
}

function problemText({ pointer, message, rule }: Problem): string {
  return `${pointer === '' ? '(document)' : pointer}: ${message} [${rule}]`;
}

/** Only the line ends of our own errors separate lines. */
function messageLines(error: unknown): readonly string[] {
  if (error instanceof MultiarchError) return error.message.split('\n');
  return [error instanceof Error ? error.message : String(error)];
}

/**
 * The stack of an error and of its causes. The message in a stack can contain line ends of a value, so only the lines of
 * the calls are taken from it.
 */
function debugLines(error: unknown): readonly string[] {
  const lines: string[] = [];
  let current = error;
  for (let depth = 0; current !== undefined && depth < MAX_CAUSES; depth += 1) {
    const prefix = depth === 0 ? '' : '[cause]: ';
    if (!(current instanceof Error)) return [...lines, prefix + oneLine(current)];
    const { name, stack = '', cause, ...properties } = current;
    const [message = '', ...details] = messageLines(current);
    lines.push(`${prefix}${name}: ${message}`, ...details);
    lines.push(...stack.split('\n').filter((line) => /^ {4}at /.test(line)));
    if (Object.keys(properties).length > 0) lines.push(`    ${oneLine(properties)}`);
    current = cause;
  }
  return lines;
}

function oneLine(value: unknown): string {
  return inspect(value, { breakLength: Infinity, compact: true });
}
