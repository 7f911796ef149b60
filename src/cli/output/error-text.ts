import { inspect } from 'node:util';

import { InvalidError, MultiarchError, type Problem } from '../../oci/errors.js';
import { harmlessText } from './harmless-text.js';

/**
 * An error as a person reads it on stderr: what failed and why, every problem of an invalid document on a line of its
 * own, then what to do next. With `debug`, the stack follows. Ends without a new line.
 */
export function errorText(error: unknown, debug: boolean): string {
  const lines = [error instanceof Error ? error.message : String(error)];
  if (error instanceof InvalidError)
    lines.push(...error.problems.map((problem) => `  ${problemText(problem)}`));
  if (error instanceof MultiarchError && error.hint !== undefined) lines.push(`hint: ${error.hint}`);
  if (!(error instanceof MultiarchError) && !debug) {
    lines.push(
      'hint: this is a fault in multiarch itself; run it again with --debug and report what it prints',
    );
  }
  if (debug) lines.push(inspect(error));
  return harmlessText(lines.join('\n'));
}

/** One problem of a document: where, what, which rule. */
export function problemText({ pointer, message, rule }: Problem): string {
  return `${pointer === '' ? '(document)' : pointer}: ${message} [${rule}]`;
}
