import type { Terminal } from './terminal.js';

/**
 * Listens to the failures of both streams, which would end the process with a stack. A reader that has seen enough
 * (`multiarch inspect app | head -1`) is none; a result that cannot be written, as on a full disk, fails the run.
 * @returns what makes the exit code of a run that of the whole, when all has been written
 */
export function guardOutput({ stdout, stderr }: Terminal): (code: number) => Promise<number> {
  let failure: NodeJS.ErrnoException | undefined;
  stdout.on('error', (error) => (failure ??= error));
  // There is nowhere left to say it.
  stderr.on('error', () => {});
  return async (code) => {
    await new Promise<void>((resolve) => {
      stdout.write('', () => resolve());
    });
    if (failure === undefined || failure.code === 'EPIPE') return code;
    stderr.write(`cannot write the result to standard output: ${failure.message}\n`);
    return code === 0 ? 1 : code;
  };
}
