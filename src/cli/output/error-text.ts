import { inspect } from 'node:util';

import { InvalidError, MultiarchError, type Problem } from '../../oci/errors.js';
import { stripControls } from './terminal.js';

/**
 * Formats an error for stderr: the message, one line for each problem of an invalid document, and the hint. With `debug`,
 * the stack follows. Has no line feed at the end.
 */
export function errorText(error: unknown, debug: boolean): string {
  const lines = [error instanceof Error ? error.message : String(error)];
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

/** Formats one problem of a document: location, message and rule. */
export function problemText({ pointer, message, rule }: Problem): string {
  return `${pointer === '' ? '(document)' : pointer}: ${message} [${rule}]`;
}
