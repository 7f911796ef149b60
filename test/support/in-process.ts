import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';

import { onTestFinished } from 'vitest';

import { main } from '../../src/cli/main.js';

export interface InProcessResult {
  readonly code: number;
  readonly stdout: string;
  /** The exact bytes of the standard output. */
  readonly bytes: Buffer;
  readonly stderr: string;
}

export interface InProcessOptions {
  /** All that the command can read. Default: nothing. */
  readonly stdin?: string | Uint8Array | Readable;
  /** Default: false. */
  readonly isTTY?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  /** The name that it is called by. Default: `multiarch`. */
  readonly program?: string;
}

/**
 * The command line interface in the test's own process, for one test: with a temporary directory for its drafts and no
 * environment, so no credentials either. Not for what a process alone has: its signals, its start.
 */
export async function makeCommandLine(): Promise<{
  readonly directory: string;
  readonly run: (argv: readonly string[], options?: InProcessOptions) => Promise<InProcessResult>;
}> {
  const directory = await mkdtemp(join(tmpdir(), 'multiarch-cli-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const own = { MULTIARCH_STORE: join(directory, 'drafts'), DOCKER_CONFIG: join(directory, 'docker') };
  const run = async (
    argv: readonly string[],
    { stdin = '', isTTY = false, env = {}, program }: InProcessOptions = {},
  ): Promise<InProcessResult> => {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const outputs = Promise.all([collect(stdout), collect(stderr)]);
    const terminal = {
      stdout: Object.assign(stdout, { isTTY }),
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

async function collect(stream: PassThrough): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
