import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const MAX_OUTPUT = 64 * 1024 * 1024;

/** Runs a program and returns its standard output. @throws Error with its standard error */
export async function runTool(
  program: string,
  args: readonly string[],
  env?: NodeJS.ProcessEnv,
): Promise<string> {
  try {
    const options = { env: { ...process.env, LC_ALL: 'C', ...env }, maxBuffer: MAX_OUTPUT };
    return (await promisify(execFile)(program, args, options)).stdout;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      throw new Error(`${program} is missing: install it`, { cause: error });
    }
    throw error;
  }
}
