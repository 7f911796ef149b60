import type { Writable } from 'node:stream';

import { shownLine } from './shown-text.js';

/** The streams and the environment of a command: those of the process, or of a test. */
export interface Terminal {
  /** Only for the result. */
  readonly stdout: Writable & { readonly isTTY?: boolean };
  /** For progress, warnings and errors. */
  readonly stderr: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  readonly stdin: NodeJS.ReadableStream;
  readonly env: NodeJS.ProcessEnv;
}

/** Reports whether colours may be written to a stream (no-color.org). */
export function mayColor(stream: { readonly isTTY?: boolean }, env: NodeJS.ProcessEnv): boolean {
  const { NO_COLOR = '', TERM } = env;
  return stream.isTTY === true && NO_COLOR === '' && TERM !== 'dumb';
}

/**
 * Handles write errors on both streams, which would otherwise be uncaught. A reader that closes the pipe early
 * (`multiarch inspect app | head -1`) is not an error; a result that cannot be written, as on a full disk, is one.
 * @returns a function that waits until stdout is flushed and gives the final exit code
 */
export function guardOutput({ stdout, stderr }: Terminal): (code: number) => Promise<number> {
  let failure: NodeJS.ErrnoException | undefined;
  stdout.on('error', (error) => (failure ??= error));
  // Nothing can be reported without stderr.
  stderr.on('error', () => {});
  return async (code) => {
    await new Promise<void>((resolve) => {
      stdout.write('', () => resolve());
    });
    if (failure === undefined || failure.code === 'EPIPE') return code;
    stderr.write(`${shownLine(`error: cannot write the result to standard output: ${failure.message}`)}\n`);
    return code === 0 ? 1 : code;
  };
}
