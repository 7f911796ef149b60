import { spawn, type ChildProcess } from 'node:child_process';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

import type { main as Main } from '../../src/cli/main.js';
import type { Sandbox } from './sandbox.js';

/** The built command. */
const CLI = new URL('../../dist/cli.cjs', import.meta.url).href;

export interface RunOptions {
  /** Variables in addition to those of {@link run}. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** The standard input. @default empty */
  readonly stdin?: string | Uint8Array;
  /** In milliseconds. After this time the command is killed, and `run` rejects. @default 60_000 */
  readonly timeout?: number;
  /** Called with the started process, so that a test can interrupt it. */
  readonly onStart?: (child: ChildProcess) => void;
}

export interface RunResult {
  /** Null if a signal ended the command. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a command to its end with any exit code. Of the environment of the test run it gets only PATH and TMPDIR, so no
 * proxies, credentials or configuration.
 *
 * @throws if the command cannot be started or exceeds its time limit. The message contains its output.
 */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const { env = {}, cwd, stdin = '', timeout = 60_000, onStart } = options;
  const line = [command, ...args].join(' ');
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
      reject(new Error(`${line}: cannot be started: ${cause.message}`, { cause }));
    });
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      const stdout = Buffer.concat(out).toString('utf8');
      const stderr = Buffer.concat(err).toString('utf8');
      if (late) reject(new Error(`${line}: still running after ${timeout} ms\n${stdout}\n${stderr}`));
      else resolve({ code, signal, stdout, stderr });
    });
    // A command may exit without reading its input, which closes the pipe.
    child.stdin.on('error', () => {});
    child.stdin.end(stdin);
    onStart?.(child);
  });
}

/**
 * Like {@link run}, for a command that must succeed.
 *
 * @returns The standard output.
 * @throws if the exit code is not 0. The message contains the output.
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

/** The environment of processes whose compiled code is worth less than its write: a sandbox does not live long. */
export const WITHOUT_CODE_CACHE = { NODE_DISABLE_COMPILE_CACHE: '1' } as const;

/** Reports whether {@link multiarch} starts a process: to be stopped by the test, or for variables of Node or of an SDK. */
export function needsProcess(sandbox: Sandbox, { env, onStart }: RunOptions = {}): boolean {
  const names = Object.keys({ ...sandbox.env, ...env });
  return onStart !== undefined || names.some((name) => /^(?:NODE|AWS)_/.test(name));
}

/**
 * Runs the built `multiarch` with the home, docker configuration and draft store of the sandbox. It runs in the process of
 * the test, which is several times faster, unless the test {@link needsProcess}.
 */
export function multiarch(
  sandbox: Sandbox,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  if (needsProcess(sandbox, options)) return multiarchProcess(sandbox, args, options);
  const env = { ...sandbox.env, ...options.env };
  const { cwd = sandbox.directory, stdin = '' } = options;
  return multiarchInProcess(args, { env: { ...plainEnvironment(), ...env }, cwd, stdin });
}

/** As {@link multiarch}, always in a process of its own. */
export function multiarchProcess(
  sandbox: Sandbox,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const launcher = fileURLToPath(new URL('../../bin/multiarch.js', import.meta.url));
  return run(process.execPath, [launcher, ...args], {
    cwd: sandbox.directory,
    ...options,
    env: { ...WITHOUT_CODE_CACHE, ...sandbox.env, ...options.env },
  });
}

const ORIGINAL_DIRECTORY = process.cwd();
let running = 0;

async function multiarchInProcess(
  args: readonly string[],
  { env, cwd, stdin }: Required<Pick<RunOptions, 'env' | 'cwd' | 'stdin'>>,
): Promise<RunResult> {
  const { main } = (await import(CLI)) as { main: typeof Main };
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const outputs = Promise.all([text(stdout), text(stderr)]);
  running += 1;
  process.chdir(cwd);
  try {
    const code = await main(args, { stdout, stderr, stdin: Readable.from([Buffer.from(stdin)]), env });
    stdout.end();
    stderr.end();
    const [out, err] = await outputs;
    return { code, signal: null, stdout: out, stderr: err };
  } finally {
    running -= 1;
    if (running === 0) process.chdir(ORIGINAL_DIRECTORY);
  }
}

function plainEnvironment(): Record<string, string> {
  const kept = Object.entries(process.env).flatMap(([name, value]) =>
    value !== undefined && ['PATH', 'TMPDIR', 'SystemRoot'].includes(name) ? [[name, value]] : [],
  );
  return { ...Object.fromEntries(kept), LC_ALL: 'C.UTF-8' };
}
