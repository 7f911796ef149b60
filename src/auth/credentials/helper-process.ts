import { spawn, type ChildProcess, type ChildProcessByStdio } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { isatty } from 'node:tty';

import { onAbort } from '../../content/cancellation.js';
import { errorCode } from '../../files/file-error.js';
import { cancelled } from '../../oci/errors.js';

const OUTPUT_LIMIT = 64 * 1024;

/** The outcome of a helper: it exited, with the code `null` if a signal killed it, or it gave no usable output. */
export type HelperResult =
  | { readonly kind: 'exited'; readonly code: number | null; readonly stdout: string }
  | { readonly kind: 'timed out' | 'failed'; readonly reason: string };

export interface HelperProcessOptions {
  readonly env: NodeJS.ProcessEnv;
  /** In milliseconds. */
  readonly timeLimit: number;
  /**
   * Whether the helper may need the terminal to ask the user. Without a terminal, the helper gets its own process group, so
   * that its children are killed with it; such a group cannot use the terminal.
   * @default whether the process has a terminal
   */
  readonly terminal?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Runs the program at a path without a shell, with `input` on standard input. @throws CancelledError */
export function runHelper(
  program: string,
  action: string,
  input: string,
  { env, timeLimit, terminal = hasTerminal(), signal }: HelperProcessOptions,
): Promise<HelperResult> {
  return new Promise<HelperResult>((resolve, reject) => {
    const grouped = !terminal && process.platform !== 'win32';
    const start = (): HelperChild =>
      spawn(program, [action], {
        env,
        // A helper's stderr may contain a secret.
        stdio: ['pipe', 'pipe', 'ignore'],
        detached: grouped,
        windowsHide: true,
      });
    let child: HelperChild;
    try {
      child = start();
    } catch (error) {
      // Some failures are thrown rather than emitted: a name or an environment that is too long.
      resolve(startFailure(error));
      return;
    }
    let stdout = '';
    const stop = (): void => {
      if (grouped) killGroup(child);
      else child.kill('SIGKILL');
      // A process that the helper left running may keep the pipe open, and this process alive.
      child.stdout.destroy();
    };
    const timer = setTimeout(() => {
      stop();
      resolve({ kind: 'timed out', reason: `timed out after ${timeLimit / 1000} seconds` });
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
      resolve({ kind: 'failed', reason: 'its output is too long' });
    });
    // A helper may exit without reading its input; its exit code says enough.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    child.once('error', (error) => {
      clearTimeout(timer);
      forget();
      resolve(startFailure(error));
    });
    child.once('close', (code) => {
      clearTimeout(timer);
      forget();
      resolve({ kind: 'exited', code, stdout });
    });
  });
}

type HelperChild = ChildProcessByStdio<Writable, Readable, null>;

function startFailure(error: unknown): HelperResult {
  const code = errorCode(error) ?? 'unknown reason';
  return { kind: 'failed', reason: `it cannot be started (${code})` };
}

function hasTerminal(): boolean {
  return [0, 1, 2].some((descriptor) => isatty(descriptor));
}

/** Kills a process that leads a group, and its children. */
function killGroup({ pid }: ChildProcess): void {
  // Not started.
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Already exited, or owned by another user.
  }
}
