import { inspect } from 'node:util';

import { CancelledError, FailedError, InvalidError, MultiarchError, type Problem } from '../../oci/errors.js';
import { stripControls } from './terminal.js';

/** Messages of `docker manifest` that scripts compare. They stay as they are, without a prefix. */
const DOCKER_MESSAGE =
  /^(?:no such manifest: |refusing to amend an existing manifest list|manifest (?:for image|entry for image|\S+ must have) )/i;

/**
 * Formats an error for stderr: the message after `error: `, one line for each problem of an invalid document, and the hint
 * after `hint: `. With `debug`, the stack follows. Has no line feed at the end.
 */
export function errorText(thrown: unknown, debug: boolean): string {
  const error = isMissingWorkingDirectory(thrown)
    ? new FailedError('the working directory no longer exists', {
        hint: 'Change to another directory.',
        cause: thrown,
      })
    : thrown;
  const message = error instanceof Error ? error.message : String(error);
  // An interrupted command has not failed, and docker's messages are what scripts expect.
  const isPlain = error instanceof CancelledError || DOCKER_MESSAGE.test(message);
  const lines = [isPlain ? message : `error: ${message}`];
  if (error instanceof InvalidError) {
    lines.push(...error.problems.map((problem) => `  ${problemText(problem)}`));
  }
  if (error instanceof MultiarchError) {
    if (error.hint !== undefined) lines.push(`hint: ${error.hint}`);
  } else if (!debug) {
    lines.push('hint: This is a bug in multiarch. Run it again with --debug and report the output.');
  }
  if (debug) lines.push(inspect(error));
  return stripControls(lines.join('\n'));
}

/** Reports whether an error is that of a process whose working directory was removed. Libraries ask for it, too. */
function isMissingWorkingDirectory(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error && error.syscall === 'uv_cwd';
}

/** Formats one problem of a document: location, message and rule. */
export function problemText({ pointer, message, rule }: Problem): string {
  return `${pointer === '' ? '(document)' : pointer}: ${message} [${rule}]`;
}
