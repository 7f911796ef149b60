import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { onTestFinished, vi } from 'vitest';

import { FakeServer, read, type Answer, type LoggedRequest } from '../../support/fake-server.js';
import { amd64 } from '../../support/images.js';
import { startCommandLine, type InProcessResult } from '../../support/in-process.js';
import type { MemoryRegistry } from '../../support/memory-registry.js';
import { inVirtualTime } from '../../support/virtual-time.js';
import type { Fault } from './faults.js';
import {
  COMMANDS,
  COPIED_INDEX,
  OLD_INDEX,
  OPERATIONS,
  type Operation,
  type OperationName,
} from './operations.js';

const LOGIN = { username: 'ci', password: 'p4ssw0rd-secret' } as const;
export const TAGS = ['1.0', 'latest'] as const;

/** What a command did, and what it left behind. */
export interface CellResult extends InProcessResult {
  /** The requests to the registry, as `METHOD path status`. */
  readonly requests: readonly string[];
  /** The number of requests that had the fault. */
  readonly faults: number;
  /** What each tag of the target refers to. */
  readonly tags: Readonly<Record<string, string | undefined>>;
  /** What they referred to before. */
  readonly oldDigest: string;
  /** What the tags refer to without all of its content being there. */
  readonly missing: readonly string[];
  /** Everything that was sent to another server. */
  readonly elsewhere: string;
  /** All secrets of the run. */
  readonly secrets: readonly string[];
  readonly openSessions: number;
  /** The files in the home of the user, except for what is cached. */
  readonly files: readonly string[];
  /** By the clock of the run, in milliseconds. */
  readonly milliseconds: number;
}

/** Runs the command of an operation while its requests have a fault. */
export async function runCell(operation: OperationName, fault?: Fault): Promise<CellResult> {
  const op: Operation = OPERATIONS[operation];
  const elsewhere = await startElsewhere();
  const secrets = [LOGIN.password, Buffer.from(`${LOGIN.username}:${LOGIN.password}`).toString('base64')];
  let faults = 0;
  const respond = async (request: LoggedRequest, next: () => Promise<Answer>): Promise<Answer> => {
    secrets.push(...(request.headers.authorization?.split(' ').slice(1) ?? []));
    if (fault === undefined || !op.matches(request) || faults === fault.times) return next();
    faults += 1;
    const challenge = `Bearer realm="http://${line.host}/token",service="memory",scope="repository:app:pull,push"`;
    return fault.respond({ next, operation, kind: op.kind, registry: line.registry, challenge, elsewhere });
  };
  const line = await startCommandLine({
    path: 'build',
    images: { amd64, all: COPIED_INDEX },
    registry: {
      mounts: 'always202',
      auth: { kind: 'bearer', ...LOGIN },
      referrers: {},
      fault: respond,
    },
  });
  for (const tag of TAGS) line.registry.put('app', OLD_INDEX, tag);
  await logIn(line, op.refreshToken === true);
  const before = await filesIn(line.directory);
  const random = vi.spyOn(Math, 'random').mockReturnValue(0.5);
  onTestFinished(() => random.mockRestore());
  const run = () => line.run(COMMANDS[op.command](line.host));
  // Without a fault nothing waits, but modules are loaded, which takes real time.
  const { result, milliseconds } =
    fault === undefined ? { result: await run(), milliseconds: 0 } : await inVirtualTime(run);
  return {
    ...result,
    stdout: result.stdout.replaceAll(line.host, 'registry'),
    stderr: result.stderr.replaceAll(line.host, 'registry'),
    requests: line.registry.lines(),
    faults,
    tags: Object.fromEntries(TAGS.map((tag) => [tag, line.registry.manifest('app', tag)?.digest])),
    oldDigest: OLD_INDEX.digest,
    missing: TAGS.flatMap((tag) => missingBelow(line.registry, tag)),
    elsewhere: elsewhere.received(),
    secrets,
    openSessions: line.registry.openSessions,
    files: (await filesIn(line.directory)).filter((file) => !before.includes(file)),
    milliseconds,
  };
}

async function startElsewhere() {
  const server = new FakeServer({});
  const bodies: string[] = [];
  const state = {
    url: '',
    answer: { status: 404 } as Answer,
    received: () => JSON.stringify([server.requests, bodies]),
  };
  const port = await server.listen(async (request) => {
    bodies.push((await read(request)).toString('latin1'));
    return state.answer;
  });
  onTestFinished(() => server.close());
  state.url = `http://127.0.0.1:${port}/elsewhere?X-Amz-Signature=abc`;
  return state;
}

async function logIn(
  { directory, host }: { readonly directory: string; readonly host: string },
  withRefreshToken: boolean,
): Promise<void> {
  const { username, password } = LOGIN;
  const login = withRefreshToken
    ? { identitytoken: password }
    : { auth: Buffer.from(`${username}:${password}`).toString('base64') };
  await mkdir(join(directory, 'docker'));
  await writeFile(join(directory, 'docker/config.json'), JSON.stringify({ auths: { [host]: login } }));
}

/** The names of cached documents, and of the token servers. */
const CACHED = /^(?:[0-9a-f]{64}|token-servers\.json)$/;

async function filesIn(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const names = entries.filter((entry) => entry.isFile()).map((entry) => entry.name.replace(/%3a\d+/, ''));
  return names.filter((name) => !CACHED.test(name));
}

interface Document {
  readonly manifests?: readonly { readonly digest: string }[];
  readonly layers?: readonly { readonly digest: string }[];
  readonly config?: { readonly digest: string };
}

/** The digests of the manifests and blobs below a manifest that the registry does not have. */
function missingBelow(registry: MemoryRegistry, selector: string): string[] {
  const found = registry.manifest('app', selector);
  if (found === undefined) return [selector];
  const { manifests = [], layers = [], config } = JSON.parse(found.bytes.toString()) as Document;
  const blobs = [...layers, ...(config === undefined ? [] : [config])];
  return [
    ...manifests.flatMap(({ digest }) => missingBelow(registry, digest)),
    ...blobs.map(({ digest }) => digest).filter((digest) => !registry.hasBlob('app', digest)),
  ];
}
