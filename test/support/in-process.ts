import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';

import { main } from '../../src/cli/main.js';
import type { MemoryRegistry, MemoryRegistryOptions } from './memory-registry.js';
import { startRegistry } from './open-repository.js';
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

async function collect(stream: PassThrough): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
