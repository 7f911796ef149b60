import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import type { Sandbox } from './sandbox.js';

export interface RunOptions {
  /** Added to the few variables that every command gets; see {@link run}. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** All that the command can read. Default: nothing. */
  readonly stdin?: string | Uint8Array;
  /** In milliseconds, default 60 000. A command that needs longer is killed, and `run` rejects. */
  readonly timeout?: number;
  /** Told of the process once it runs, so that a test can interrupt it. */
  readonly onStart?: (child: ChildProcess) => void;
}

export interface RunResult {
  /** Null where a signal ended the command. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a command to its end, whatever its exit code. The command sees no environment of the person or job that runs the
 * tests but PATH and TMPDIR: no proxies, no credentials, no configuration.
 *
 * @throws where the command cannot be started or runs into its time limit; the message holds its output.
 */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const { env = {}, cwd, stdin = '', timeout = 60_000, onStart } = options;
  const words = [command, ...args].join(' ');
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      env: { ...plainEnvironment(), ...env },
      ...(cwd === undefined ? {} : { cwd }),
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    let late = false;
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    const timer = setTimeout(() => {
      late = true;
      child.kill('SIGKILL');
    }, timeout);
    child.once('error', (cause) => {
      clearTimeout(timer);
      reject(new Error(`${words}: cannot be started: ${cause.message}`, { cause }));
    });
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      const stdout = Buffer.concat(out).toString('utf8');
      const stderr = Buffer.concat(err).toString('utf8');
      if (late) reject(new Error(`${words}: still running after ${timeout} ms\n${stdout}\n${stderr}`));
      else resolve({ code, signal, stdout, stderr });
    });
    // A command that ends without reading its input closes the pipe; that is its right.
    child.stdin.on('error', () => {});
    child.stdin.end(stdin);
    onStart?.(child);
  });
}

/**
 * As {@link run}, for a command that a test needs but does not test.
 *
 * @returns its standard output.
 * @throws where it exits with another code than 0; the message holds its output.
 */
export async function mustRun(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const { code, signal, stdout, stderr } = await run(command, args, options);
  if (code === 0) return stdout;
  throw new Error(`${[command, ...args].join(' ')}: ended with ${code ?? signal}\n${stdout}\n${stderr}`);
}

/** The built command line interface, at home in the sandbox: its HOME, its docker configuration, its draft store. */
export function multiarch(
  sandbox: Sandbox,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const launcher = fileURLToPath(new URL('../../bin/multiarch.js', import.meta.url));
  return run(process.execPath, [launcher, ...args], {
    cwd: sandbox.directory,
    ...options,
    env: { ...sandbox.env, ...options.env },
  });
}

function plainEnvironment(): Record<string, string> {
  const kept = Object.entries(process.env).flatMap(([name, value]) =>
    value !== undefined && ['PATH', 'TMPDIR', 'SystemRoot'].includes(name) ? [[name, value]] : [],
  );
  return { ...Object.fromEntries(kept), LC_ALL: 'C.UTF-8' };
}
