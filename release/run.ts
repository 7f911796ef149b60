import { spawn } from 'node:child_process';

import { ReleaseError } from './release-error.js';

/** How a command is run. */
export interface RunOptions {
  readonly directory: string;
  /** Variables in addition to the own environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Ends the command. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs a command, whose output goes to stderr.
 *
 * @throws {@link ReleaseError} if it fails
 */
export async function runVisibly(
  command: string,
  args: readonly string[],
  options: RunOptions,
): Promise<void> {
  await start(command, args, options, ['ignore', 2, 2]);
}

/**
 * Runs a command and returns its standard output without the last line break.
 *
 * @throws {@link ReleaseError} if it fails, with what it prints on stderr
 */
export async function outputOf(
  command: string,
  args: readonly string[],
  options: RunOptions,
): Promise<string> {
  return start(command, args, options, ['ignore', 'pipe', 'pipe']);
}

/** Variables by which npm and git tell a child process of their own call. */
const OF_CALLER = /^(?:npm_(?:lifecycle|package)_|INIT_CWD$|GIT_(?:DIR|WORK_TREE|INDEX_FILE|PREFIX)$)/u;

function start(
  command: string,
  args: readonly string[],
  { directory, env = {}, signal }: RunOptions,
  stdio: ('ignore' | 'pipe' | 2)[],
): Promise<string> {
  const own = Object.entries(process.env).filter(([name]) => !OF_CALLER.test(name));
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: directory,
      env: { ...Object.fromEntries(own), ...env },
      stdio,
      signal,
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout?.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr?.on('data', (chunk: Buffer) => err.push(chunk));
    const line = [command, ...args].join(' ');
    child.once('error', ({ name, message }) => {
      // After an abort, the command still has to end.
      if (name !== 'AbortError') reject(new ReleaseError(`${line}: ${message}`));
    });
    child.once('close', (code, killedBy) => {
      if (code === 0) resolve(Buffer.concat(out).toString().replace(/\n$/u, ''));
      else {
        const reason =
          Buffer.concat(err).toString().trim() || `ended with ${killedBy ?? `exit code ${code}`}`;
        reject(new ReleaseError(`${line}: ${reason}`));
      }
    });
  });
}
