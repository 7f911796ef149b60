import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';

import { main } from '../../src/cli/main.js';
import type { MemoryRegistry, MemoryRegistryOptions } from './memory-registry.js';
import { EXECUTABLE } from './executable.js';
import { startRegistry } from './open-repository.js';
import { WITHOUT_CODE_CACHE } from './run.js';
import { temporaryDirectory } from './temporary-directory.js';
import type { TinyImage, TinyIndex } from './tiny-image.mjs';

/** The first members of a result with `--json`. */
export const OK = { schemaVersion: 1, ok: true } as const;

export interface InProcessResult {
  readonly code: number;
  readonly stdout: string;
  /** The exact bytes of the standard output. */
  readonly bytes: Buffer;
  readonly stderr: string;
}

interface InProcessOptions {
  /** The standard input. @default empty */
  readonly stdin?: string | Uint8Array | Readable;
  /** Whether stdout is a terminal. @default false */
  readonly isTTY?: boolean;
  /** The columns of the terminal. @default not reported */
  readonly columns?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** The name of the program. @default 'multiarch' */
  readonly program?: string;
}

export interface CommandLine {
  readonly directory: string;
  readonly run: (argv: readonly string[], options?: InProcessOptions) => Promise<InProcessResult>;
}

export interface StartOptions {
  /** The images and indexes of the registry, by tag. */
  readonly images?: Readonly<Record<string, TinyImage | TinyIndex>>;
  /** The repository of the images. @default 'app' */
  readonly path?: string;
  readonly registry?: MemoryRegistryOptions;
}

/**
 * Runs the command line interface in the process of one test, with a temporary directory for drafts, credentials and the cache, and
 * without an environment. Tests of signals and of the launcher need a process: see `run.ts`.
 */
export async function makeCommandLine(): Promise<CommandLine> {
  const directory = await temporaryDirectory();
  const own = {
    MULTIARCH_STORE: join(directory, 'drafts'),
    DOCKER_CONFIG: join(directory, 'docker'),
    XDG_CACHE_HOME: join(directory, 'cache'),
    XDG_CONFIG_HOME: join(directory, 'config'),
  };
  const run = async (
    argv: readonly string[],
    { stdin = '', isTTY = false, columns, env = {}, program }: InProcessOptions = {},
  ): Promise<InProcessResult> => {
    if (EXECUTABLE !== undefined && !isTTY)
      return runExecutable(argv, { stdin, program, env: { ...own, ...env } });
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const outputs = Promise.all([collect(stdout), collect(stderr)]);
    const terminal = {
      stdout: Object.assign(stdout, { isTTY, ...(columns !== undefined && { columns }) }),
      stderr,
      stdin: stdin instanceof Readable ? stdin : Readable.from([Buffer.from(stdin)]),
      env: { ...own, ...env },
    };
    const code = await main(argv, terminal, program);
    stdout.end();
    stderr.end();
    const [bytes, errors] = await outputs;
    return { code, stdout: bytes.toString('utf8'), bytes, stderr: errors.toString('utf8') };
  };
  return { directory, run };
}

/** Runs the executable instead, for what does not need a terminal. It gets no other variables either. */
async function runExecutable(
  argv: readonly string[],
  {
    stdin,
    program,
    env,
  }: Required<Pick<InProcessOptions, 'stdin' | 'env'>> & { readonly program: string | undefined },
): Promise<InProcessResult> {
  const child = spawn(EXECUTABLE ?? '', argv, {
    env: { ...env, ...WITHOUT_CODE_CACHE },
    ...(program && { argv0: program }),
  });
  // The command may end without reading all of it.
  child.stdin.on('error', () => {});
  (stdin instanceof Readable ? stdin : Readable.from([Buffer.from(stdin)])).pipe(child.stdin);
  const [bytes, errors, [code]] = await Promise.all([
    collect(child.stdout),
    collect(child.stderr),
    once(child, 'close') as Promise<[number]>,
  ]);
  return { code, stdout: bytes.toString('utf8'), bytes, stderr: errors.toString('utf8') };
}

/** A registry in memory with images, the name of its repository `app`, and a command line. */
export async function startCommandLine({
  images = {},
  path = 'app',
  registry: options,
}: StartOptions = {}): Promise<
  CommandLine & { readonly registry: MemoryRegistry; readonly host: string; readonly app: string }
> {
  const registry = await startRegistry(options);
  for (const [tag, content] of Object.entries(images)) registry.put(path, content, tag);
  const { host } = registry;
  return { registry, host, app: `${host}/app`, ...(await makeCommandLine()) };
}

async function collect(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
