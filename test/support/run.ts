import { spawn, type ChildProcess } from 'node:child_process';
import { createRequire } from 'node:module';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';

import type { main as Main } from '../../src/cli/main.js';
import type { Terminal } from '../../src/cli/output/terminal.js';
import { COMMAND, RUNS_ON_NODE } from './executable.js';
import type { Sandbox } from './sandbox.js';

/** Loads a built file as Node does. An `import` would let the test runner transform a megabyte in each process. */
const requireBuilt = createRequire(import.meta.url);

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

/** Reports whether {@link multiarch} starts a process: for a test that stops it, for variables of Node, and for the executable. */
export function needsProcess(sandbox: Sandbox, { env, onStart }: RunOptions = {}): boolean {
  const names = Object.keys({ ...sandbox.env, ...env });
  return !RUNS_ON_NODE || onStart !== undefined || names.some((name) => name.startsWith('NODE_'));
}

/**
 * Runs the built `multiarch` with the home, docker configuration and draft store of the sandbox. It runs in the process of
 * the test, which is several times faster, unless the test {@link needsProcess}.
 */
export async function multiarch(
  sandbox: Sandbox,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  if (needsProcess(sandbox, options)) return multiarchProcess(sandbox, args, options);
  const { cwd = sandbox.directory, stdin = '' } = options;
  const env = { ...plainEnvironment(), ...sandbox.env, ...options.env };
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const outputs = Promise.all([text(stdout), text(stderr)]);
  const code = await runInProcess(args, {
    terminal: { stdout, stderr, stdin: Readable.from([Buffer.from(stdin)]), env },
    cwd,
  });
  stdout.end();
  stderr.end();
  const [out, err] = await outputs;
  return { code, signal: null, stdout: out, stderr: err };
}

/** As {@link multiarch}, always in a process of its own. */
export function multiarchProcess(
  sandbox: Sandbox,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const [program, ...first] = COMMAND;
  return run(program, [...first, ...args], {
    cwd: sandbox.directory,
    ...options,
    env: { ...WITHOUT_CODE_CACHE, ...sandbox.env, ...options.env },
  });
}

const ORIGINAL_DIRECTORY = process.cwd();
/** The commands that run in this process, and what restores the environment after the last of them. */
const inProcess = { running: 0, aws: '', restore: () => {} };

/** Runs the built command in this process. Returns its exit code. */
export async function runInProcess(
  args: readonly string[],
  { terminal, cwd }: { readonly terminal: Terminal; readonly cwd: string },
): Promise<number> {
  const { main } = requireBuilt('../../dist/cli.cjs') as { readonly main: typeof Main };
  const aws = awsVariables(terminal.env);
  if (inProcess.running === 0) {
    inProcess.aws = JSON.stringify(aws);
    inProcess.restore = aws.length === 0 ? () => {} : setVariables(aws);
  } else if (inProcess.aws !== JSON.stringify(aws)) {
    throw new Error('commands that run at the same time have different AWS variables');
  }
  inProcess.running += 1;
  process.chdir(cwd);
  try {
    return await main(args, terminal);
  } finally {
    inProcess.running -= 1;
    if (inProcess.running === 0) {
      process.chdir(ORIGINAL_DIRECTORY);
      inProcess.restore();
    }
  }
}

/** Returns what the AWS SDK reads from the environment of the process. Empty without an AWS variable. */
function awsVariables(
  env: NodeJS.ProcessEnv,
): readonly (readonly [name: string, value: string | undefined])[] {
  const variables = Object.entries(env).filter(([name]) => name.startsWith('AWS_'));
  return variables.length === 0 ? [] : [...variables, ['HOME', env['HOME']]];
}

/** Sets variables of this process, and removes all others of AWS. Returns a function that undoes it. */
function setVariables(
  variables: readonly (readonly [name: string, value: string | undefined])[],
): () => void {
  const before = { ...process.env };
  const names = Object.keys(before).filter((name) => name.startsWith('AWS_'));
  for (const name of names) delete process.env[name];
  for (const [name, value] of variables) process.env[name] = value;
  return () => {
    for (const [name] of variables) delete process.env[name];
    Object.assign(process.env, before);
  };
}

function plainEnvironment(): Record<string, string> {
  const kept = Object.entries(process.env).flatMap(([name, value]) =>
    value !== undefined && ['PATH', 'TMPDIR', 'SystemRoot'].includes(name) ? [[name, value]] : [],
  );
  return { ...Object.fromEntries(kept), LC_ALL: 'C.UTF-8' };
}
