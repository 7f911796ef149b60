import { spawn, type ChildProcess } from 'node:child_process';
import { isatty } from 'node:tty';

import { onAbort } from '../../content/cancellation.js';
import { cancelled } from '../../oci/errors.js';

const OUTPUT_LIMIT = 64 * 1024;

/** How a helper came to its end: by itself, with `null` for a signal, or in a way that leaves no answer. */
export type HelperEnd =
  | { readonly kind: 'ended'; readonly code: number | null; readonly stdout: string }
  | { readonly kind: 'missing' | 'late' | 'broken'; readonly reason: string };

export interface HelperProcessOptions {
  readonly env: NodeJS.ProcessEnv;
  /** In milliseconds. */
  readonly timeLimit: number;
  /**
   * Whether the helper may have to ask a person, at the terminal that this process has. Only without one is it put into a
   * process group of its own, all of which is ended with it: such a group is cut off from the terminal.
   * @default whether there is one
   */
  readonly terminal?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs a program to its end, without a shell, and with nothing but `input` to read.
 * @throws CancelledError
 */
export function runHelper(
  program: string,
  action: string,
  input: string,
  { env, timeLimit, terminal = hasTerminal(), signal }: HelperProcessOptions,
): Promise<HelperEnd> {
  return new Promise<HelperEnd>((resolve, reject) => {
    const grouped = !terminal && process.platform !== 'win32';
    const child = spawn(program, [action], {
      env,
      // What a helper writes to stderr is for nobody: it may hold a secret.
      stdio: ['pipe', 'pipe', 'ignore'],
      detached: grouped,
      windowsHide: true,
    });
    let stdout = '';
    const stop = (): void => {
      if (grouped) killGroup(child);
      else child.kill('SIGKILL');
      // A process that the helper has left behind may hold the pipe open, which would keep ours from ending.
      child.stdout.destroy();
    };
    const timer = setTimeout(() => {
      stop();
      resolve({ kind: 'late', reason: `it did not answer within ${timeLimit / 1000} seconds` });
    }, timeLimit);
    const forget =
      signal === undefined
        ? (): void => {}
        : onAbort(signal, () => {
            stop();
            reject(cancelled(signal));
          });
    child.stdout.setEncoding('utf8');
    child.stdout.on('data', (chunk: string) => {
      stdout += chunk;
      if (stdout.length <= OUTPUT_LIMIT) return;
      stop();
      resolve({ kind: 'broken', reason: 'its answer is too long' });
    });
    // A helper that ends without reading its input closes the pipe; its exit code tells the rest.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    child.once('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      forget();
      if (error.code === 'ENOENT') resolve({ kind: 'missing', reason: 'it is not on the PATH' });
      else resolve({ kind: 'broken', reason: `it cannot be started (${error.code})` });
    });
    child.once('close', (code) => {
      clearTimeout(timer);
      forget();
      resolve({ kind: 'ended', code, stdout });
    });
  });
}

function hasTerminal(): boolean {
  return [0, 1, 2].some((descriptor) => isatty(descriptor));
}

/** Ends a process that leads a group, with all that it has started. */
function killGroup({ pid }: ChildProcess): void {
  // It never started.
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // All of it is gone, or another user's.
  }
}
