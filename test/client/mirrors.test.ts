import { describe, expect, it, onTestFinished } from 'vitest';

import type { MultiarchOptions } from '../../src/client/client-context.js';
import { Multiarch } from '../../src/client/multiarch.js';
import type { WorkEvent } from '../../src/content/events.js';
import { ArgumentError, ConflictError, InvalidError } from '../../src/oci/errors.js';
import { BorrowedNames } from '../support/borrowed-names.js';
import { failure, type Answer, type LoggedRequest } from '../support/fake-server.js';
import { amd64, arm64, pair } from '../support/images.js';
import type { MemoryRegistry, MemoryRegistryOptions } from '../support/memory-registry.js';
import { startRegistry } from '../support/open-repository.js';
import { openMultiarch } from '../support/test-multiarch.js';

const OTHER_TAG = arm64;
const READER = { kind: 'basic', username: 'reader', password: 'of-the-mirror' } as const;
const OWNER = { kind: 'basic', username: 'owner', password: 'of-the-registry' } as const;

/** A registry with the images of `app`, and a mirror of it below `hub/`, whose tag `1` is of an older image. */
async function start({
  mirror: ofMirror = {},
  registry: ofRegistry = {},
  settings = {},
  ...options
}: MultiarchOptions & {
  readonly mirror?: MemoryRegistryOptions;
  readonly registry?: MemoryRegistryOptions;
  readonly settings?: object;
} = {}) {
  const [registry, mirror] = [await startRegistry(ofRegistry), await startRegistry(ofMirror)];
  registry.put('app', amd64, '1');
  registry.put('app', pair, 'index');
  mirror.put('hub/app', OTHER_TAG, '1');
  mirror.put('hub/app', pair, 'index');
  const events: WorkEvent[] = [];
  const multiarch = await openMultiarch({
    registries: { [registry.host]: { mirror: `${mirror.host}/hub` }, [mirror.host]: settings },
    onEvent: (event) => events.push(event),
    ...options,
  });
  const warnings = (): string[] => events.flatMap((event) => (event.kind === 'warning' ? event.message : []));
  return { registry, mirror, multiarch, events, warnings, app: `${registry.host}/app` };
}

/** The requests of a registry for content, without those for logins. */
const lines = (registry: MemoryRegistry): string[] =>
  registry.lines().filter((line) => !/^\w+ \/v2\/ /.test(line));
const writes = ({ requests }: MemoryRegistry): string[] =>
  requests.flatMap(({ method }) => (method === 'GET' || method === 'HEAD' ? [] : method));

describe('a registry with a mirror', () => {
  it('is read from the mirror, by tag and by digest, and says what the tag of the mirror is', async () => {
    const { registry, mirror, multiarch, events, app } = await start();
    const { digest } = await multiarch.digest(`${app}:1`);
    expect(digest).toBe(OTHER_TAG.manifest.digest);
    const inspected = await multiarch.inspect(`${app}@${pair.digest}`);
    await Promise.all(inspected.children.map((child) => child.read()));
    expect(registry.requests).toEqual([]);
    expect(mirror.requests.every(({ path }) => path.startsWith('/v2/'))).toBe(true);
    expect(events.filter(({ kind }) => kind === 'mirrored')).toEqual([
      { kind: 'mirrored', reference: `${app}:1`, mirror: mirror.host, digest },
    ]);
  });

  it('is named in what is made of the content of the mirror', async () => {
    const { registry, mirror, multiarch, app } = await start();
    const target = await startRegistry();
    await multiarch.create(`${target.host}/list:1`, [`${app}:1`]);
    const { children } = await multiarch.inspect(`${target.host}/list:1`);
    expect(children.map(({ name }) => name)).toEqual([`${app}:1`]);
    await multiarch.push(`${target.host}/list:1`);
    expect(target.manifest('list', OTHER_TAG.manifest.digest)).toBeDefined();
    expect([...writes(registry), ...writes(mirror)]).toEqual([]);
  });

  it.each<[string, (request: LoggedRequest) => Answer | undefined, RegExp | undefined]>([
    ['lacks it', () => failure(404, 'MANIFEST_UNKNOWN', 'unknown'), undefined],
    ['lacks the repository', () => failure(404, 'NAME_UNKNOWN', 'unknown'), undefined],
    ['requires a login', () => failure(401, 'UNAUTHORIZED', 'no'), /^the mirror .*\/hub\/app cannot be used/],
    ['denies access', () => failure(403, 'DENIED', 'no'), /^the mirror .*\/hub\/app cannot be used/],
    ['does not know such names', () => failure(400, 'NAME_INVALID', 'no'), /cannot be used/],
    ['fails', () => failure(503, 'UNAVAILABLE', 'down'), /^the mirror [\d.:]+ cannot be used, so/],
    ['limits the rate', () => failure(429, 'TOOMANYREQUESTS', 'slow'), /cannot be used/],
    ['closes connections', () => ({ fault: 'reset' }), /cannot be used/],
  ])('is read itself if the mirror %s', async (_what, answer, warning) => {
    const { registry, mirror, multiarch, warnings, app } = await start({
      mirror: { fault: async (request, next) => answer(request) ?? next() },
    });
    expect((await multiarch.digest(`${app}:1`)).digest).toBe(amd64.manifest.digest);
    const target = await startRegistry();
    await multiarch.copy(`${app}:index`, `${target.host}/copy:1`);
    expect(target.manifest('copy', '1')?.digest).toBe(pair.digest);
    expect(warnings()).toEqual(warning === undefined ? [] : [expect.stringMatching(warning)]);
    // A mirror that does not work is asked once, what it only lacks each time.
    expect(new Set(mirror.requests.map(({ path }) => path)).size === 1).toBe(warning !== undefined);
    expect(writes(registry)).toEqual([]);
  });

  it('is read itself if the mirror does not exist', async () => {
    const { mirror, multiarch, warnings, app } = await start();
    await mirror.close();
    expect((await multiarch.digest(`${app}:1`)).digest).toBe(amd64.manifest.digest);
    await multiarch.digest(`${app}:index`);
    expect(warnings()).toHaveLength(1);
  });

  it('is not read for content of the mirror that is not valid', async () => {
    const { registry, mirror, multiarch, app } = await start({
      mirror: {
        fault: async (_request, next) => {
          const answer = await next();
          return answer.body === undefined ? answer : { ...answer, body: Buffer.from('{}') };
        },
      },
    });
    const error: unknown = await multiarch.inspect(`${app}@${pair.digest}`).catch((each: unknown) => each);
    expect(error).toBeInstanceOf(InvalidError);
    expect((error as Error).message).toContain(mirror.host);
    expect(registry.requests).toEqual([]);
  });

  it('keeps its login from the mirror, which has its own', async () => {
    const hosts: string[] = [];
    const seen = (request: LoggedRequest, next: () => Promise<Answer>): Promise<Answer> => {
      hosts.push(request.headers.authorization ?? 'none');
      return next();
    };
    const { registry, mirror, multiarch, app } = await start({
      mirror: { auth: READER, fault: seen },
      registry: { auth: OWNER },
    });
    // Without a login for the mirror, the registry is read with its own.
    const withLogin = await openMultiarch({
      registries: { [registry.host]: { mirror: `${mirror.host}/hub` } },
      login: { registry: registry.host, credential: OWNER },
    });
    expect((await withLogin.digest(`${app}:1`)).digest).toBe(amd64.manifest.digest);
    expect(new Set(hosts)).toEqual(new Set(['none']));
    await multiarch.close();
    const both = await openMultiarch({
      registries: { [registry.host]: { mirror: `${mirror.host}/hub` } },
      logins: { [mirror.host]: READER, [registry.host]: OWNER },
    });
    registry.clearLog();
    expect((await both.digest(`${app}:1`)).digest).toBe(OTHER_TAG.manifest.digest);
    expect(registry.requests).toEqual([]);
    const basic = `Basic ${Buffer.from(`${READER.username}:${READER.password}`).toString('base64')}`;
    expect(new Set(hosts)).toEqual(new Set(['none', basic]));
  });

  it.each([
    [{}, amd64.manifest.digest],
    [{ insecure: true }, OTHER_TAG.manifest.digest],
  ])('does not share --insecure with its mirror, whose settings are %j', async (settings, digest) => {
    const [registry, mirror] = [await startRegistry(), await startRegistry()];
    registry.put('app', amd64, '1');
    mirror.put('app', OTHER_TAG, '1');
    const portOf = ({ host }: MemoryRegistry): number => Number(host.split(':')[1]);
    const ports = { 'one.example': portOf(registry), 'mirror.example': portOf(mirror) };
    const names = await BorrowedNames.start(ports);
    onTestFinished(() => names.stop());
    const multiarch = await openMultiarch({
      insecure: true,
      env: { HTTPS_PROXY: names.proxy.url },
      registries: { 'one.example': { mirror: 'mirror.example' }, 'mirror.example': settings },
    });
    expect((await multiarch.digest('one.example/app:1')).digest).toBe(digest);
  });

  it('is what writes, the tags that they move and lists are about', async () => {
    const { registry, mirror, multiarch, app } = await start({ registry: { deletes: 'tags' } });
    expect((await multiarch.tags(app)).tags).toEqual(['1', 'index']);
    // The tag of the mirror is of another image: it decides nothing.
    await multiarch.create(`${app}:1`, [], { from: `${app}:1` });
    await expect(multiarch.push(`${app}:1`, { expectCurrent: OTHER_TAG.manifest.digest })).rejects.toThrow(
      ConflictError,
    );
    await multiarch.push(`${app}:1`, { expectCurrent: amd64.manifest.digest });
    await multiarch.undo(`${app}:1`);
    expect(registry.manifest('app', '1')?.digest).toBe(amd64.manifest.digest);
    await multiarch.delete(`${app}:index`);
    expect(registry.tags('app')).toEqual(['1']);
    expect(lines(mirror).filter((line) => line.includes('/manifests/1') || line.includes('tags'))).toEqual(
      [],
    );
    expect(writes(mirror)).toEqual([]);
  });

  it('copies from the mirror what the registry lacks', async () => {
    const { registry, mirror, multiarch, app } = await start();
    mirror.put('hub/app', arm64, 'arm64');
    await multiarch.create(`${app}:new`, [`${app}:arm64`]);
    await multiarch.push(`${app}:new`);
    expect(registry.manifest('app', arm64.manifest.digest)).toBeDefined();
  });

  it('has its mirror tried once, unless the settings of the mirror have retries', async () => {
    const fault = async (): Promise<Answer> => failure(503, 'UNAVAILABLE', 'down');
    const once = await start({ mirror: { fault }, retries: 3 });
    await once.multiarch.digest(`${once.app}:1`);
    expect(once.mirror.requests).toHaveLength(1);
    const more = await start({ mirror: { fault }, settings: { retries: 1 } });
    await more.multiarch.digest(`${more.app}:1`);
    expect(more.mirror.requests).toHaveLength(2);
  });

  it.each(['a b', 'https://mirror.example.com', 'mirror', 'mirror.example.com/UPPER', 'm.example/app:1', ''])(
    'takes HOST or HOST/PATH, not %j',
    (mirror) => {
      expect(() => new Multiarch({ registries: { 'one.example': { mirror } } })).toThrow(ArgumentError);
    },
  );

  it('is not its own mirror', () => {
    const registries = { 'one.example': { mirror: 'one.example' } };
    expect(() => new Multiarch({ registries })).toThrow(ArgumentError);
  });
});
