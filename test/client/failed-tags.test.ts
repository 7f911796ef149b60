import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import type { MultiarchErrors } from '../../src/oci/errors.js';
import { imagesOf } from '../support/architectures.js';
import { failureOf } from '../support/failure.js';
import type { Answer, LoggedRequest } from '../support/fake-server.js';
import type { MemoryRegistryOptions } from '../support/memory-registry.js';
import { startRegistry } from '../support/open-repository.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { startMultiarch } from '../support/test-multiarch.js';
import { tinyIndex } from '../support/tiny-image.mjs';

const images = imagesOf(3);
const [first, second] = [tinyIndex(images.slice(0, 1)), tinyIndex(images.slice(1, 2))];

type Next = () => Promise<Answer>;
type Fault = (next: Next) => Answer | Promise<Answer>;

const DENIED: Answer = { status: 403, body: Buffer.from('{}') };

/** A fault of requests for a tag or digest. */
interface FaultAt {
  readonly method: string;
  readonly name: string;
  readonly fault: Fault;
  readonly isOnce: boolean;
}

/** A registry whose tags `1.2` and `latest` exist, and whose faults start with {@link fail}. */
async function start(registryOptions: MemoryRegistryOptions = {}) {
  const faults: FaultAt[] = [];
  const set = await startMultiarch({
    images,
    registry: {
      ...registryOptions,
      fault: (request: LoggedRequest, next: Next) => {
        const path = request.path.split('?')[0] ?? '';
        const at = faults.find(
          ({ method, name }) => method === request.method && path.endsWith(`/manifests/${name}`),
        );
        if (at?.isOnce === true) faults.splice(faults.indexOf(at), 1);
        return at === undefined ? next() : at.fault(next);
      },
    },
  });
  const { registry, app, tag } = set;
  const before = { '1.2': registry.put('app', first, '1.2'), latest: registry.put('app', second, 'latest') };
  const tags = (...names: readonly string[]): (string | undefined)[] => names.map(tag);
  /** Adds a fault, by default of one request. */
  const fail = (method: string, name: string, fault: Fault, isOnce = true): void =>
    void faults.push({ method, name, fault, isOnce });
  const push = (options: { readonly tags?: readonly string[]; readonly signal?: AbortSignal } = {}) =>
    set.multiarch.createAndPush(set.list, set.sources, { tags: ['latest'], ...options });
  const failed = (...args: Parameters<typeof push>): Promise<MultiarchErrors> =>
    failureOf<MultiarchErrors>(push(...args));
  return { ...set, before, tags, fail, push, failed, app };
}

/** The registry did what was asked, but the response does not arrive. */
const lost: Fault = async (next) => {
  await next();
  return { fault: 'reset' };
};

describe('a tag whose write fails', () => {
  it.each<[string, Fault]>([
    ...[403, 404, 405, 408, 416, 429, 500].map((status): [string, Fault] => [
      String(status),
      () => ({ status, body: Buffer.from('{}') }),
    ]),
    ['a reset', () => ({ fault: 'reset' })],
    ['HTML with 200', () => ({ status: 200, headers: { 'content-type': 'text/html' }, body: '<html>' })],
    ['HTML with 201', () => ({ status: 201, headers: { 'content-type': 'text/html' }, body: '<html>' })],
  ])('with %s is followed by moving the others back', async (_, fault) => {
    const { before, tags, fail, failed, app, store, multiarch, list } = await start();
    fail('PUT', 'latest', fault, false);

    const error = await failed();

    expect(tags('1.2', 'latest')).toEqual([before['1.2'], before.latest]);
    const restored = { outcome: 'restored', digest: before['1.2'], previous: before['1.2'] };
    expect(error.tags).toEqual([{ reference: `${app}:1.2`, ...restored }]);
    expect(error.message).toContain(`\n  ${app}:1.2 points to ${before['1.2']} again`);
    // Nothing is left to undo.
    expect(store).not.toBe('');
    await expect(multiarch.undo(list)).rejects.toThrow('no push');
    expect(tags('1.2', 'latest')).toEqual([before['1.2'], before.latest]);
  });

  it('is reported with its own class and kind', async () => {
    const { fail, failed } = await start();
    fail('PUT', 'latest', () => DENIED);
    expect(await failed()).toMatchObject({ name: 'UnauthorizedError', kind: 'unauthorized' });
  });

  it('moves nothing back if it is the first', async () => {
    const { before, tags, fail, failed, registry } = await start();
    fail('PUT', '1.2', () => DENIED);
    expect((await failed()).tags).toEqual([]);
    expect(tags('1.2', 'latest')).toEqual([before['1.2'], before.latest]);
    expect(
      registry.lines().filter((line) => line.startsWith('PUT') && !line.includes('sha256')),
    ).toHaveLength(1);
  });

  it.each([
    ['the only tag', [], '1.2'],
    ['the last tag', ['latest'], 'latest'],
    ['a tag before others', ['1', 'latest'], '1.2'],
  ])('is written if only the response is lost: %s', async (_, further, name) => {
    const { tags, fail, push, events } = await start();
    fail('PUT', name, lost, false);
    const { publication } = await push({ tags: further });
    const { digest } = publication.descriptor;
    const all = ['1.2', ...further];
    expect(tags(...all)).toEqual(all.map(() => digest));
    expect(events.filter(({ kind }) => kind === 'warning')).toEqual([]);
  });

  it('is written with a warning if only reading it back shows that', async () => {
    const { tags, fail, push, events } = await start();
    fail('PUT', '1.2', async (next) => {
      await next();
      fail('HEAD', '1.2', () => ({ status: 500 }));
      return { status: 502 };
    });
    const { publication } = await push({ tags: [] });
    expect(tags('1.2')).toEqual([publication.descriptor.digest]);
    expect(events).toContainEqual({
      kind: 'warning',
      message: expect.stringContaining('it was written nevertheless'),
    });
  });

  it('is moved back if the registry rejected it and stored it', async () => {
    const { before, tags, fail, failed, app } = await start();
    fail('PUT', 'latest', async (next) => {
      await next();
      return DENIED;
    });
    const error = await failed();
    expect(error).toMatchObject({ kind: 'unauthorized' });
    expect(tags('1.2', 'latest')).toEqual([before['1.2'], before.latest]);
    expect(error.tags.map(({ reference, outcome }) => `${reference} ${outcome}`)).toEqual([
      `${app}:latest restored`,
      `${app}:1.2 restored`,
    ]);
  });

  it('is reported as unknown if it cannot be read back', async () => {
    const { before, tags, fail, failed, app } = await start();
    fail(
      'PUT',
      '1.2',
      (next) => {
        fail('HEAD', '1.2', () => ({ fault: 'reset' }), false);
        return lost(next);
      },
      false,
    );
    const error = await failed({ tags: [] });
    const [now] = tags('1.2');
    expect(error.kind).toBe('unavailable');
    expect(error.tags).toEqual([
      { reference: `${app}:1.2`, outcome: 'unknown', digest: now, previous: before['1.2'] },
    ]);
    expect(error.message).toContain(`${app}:1.2 cannot be read: it points to ${before['1.2']} or ${now}`);
  });

  it('and was stored as something else is moved back', async () => {
    const { before, tags, fail, failed, app } = await start();
    const wrong = `sha256:${'0'.repeat(64)}`;
    fail('PUT', '1.2', async (next) => {
      const answer = await next();
      return { ...answer, headers: { ...answer.headers, 'docker-content-digest': wrong } };
    });
    const error = await failed({ tags: [] });
    expect(error).toMatchObject({
      kind: 'invalid',
      message: expect.stringContaining(`as ${wrong}, but`),
      tags: [{ reference: `${app}:1.2`, outcome: 'restored', digest: before['1.2'] }],
    });
    expect(tags('1.2')).toEqual([before['1.2']]);
  });
});

describe('a tag that another client has moved while content was copied', () => {
  /** A push to a second repository, which lacks the images, to whose tag the other client wins. */
  async function startBehind() {
    const set = await start();
    const { registry } = set;
    const theirs: string[] = [];
    registry.put('other', first, '1.2');
    registry.put('other', second);
    const missing = images[2]?.manifest.digest ?? '';
    set.fail('PUT', missing, (next) => {
      theirs.push(registry.put('other', second, '1.2'));
      return next();
    });
    return { ...set, theirs, now: () => registry.manifest('other', '1.2')?.digest };
  }

  it('is moved back to what that client pushed', async () => {
    const { fail, theirs, now, multiarch, registry, sources } = await startBehind();
    fail('PUT', 'latest', () => DENIED);
    const list = `${registry.host}/other:1.2`;
    const error = await failureOf<MultiarchErrors>(
      multiarch.createAndPush(list, sources, { tags: ['latest'] }),
    );
    expect(theirs).toHaveLength(1);
    expect(now()).toBe(theirs[0]);
    expect(error.tags).toMatchObject([{ outcome: 'restored', previous: theirs[0] }]);
  });

  it('is undone to what that client pushed', async () => {
    const { theirs, now, multiarch, registry, sources } = await startBehind();
    const list = `${registry.host}/other:1.2`;
    await multiarch.createAndPush(list, sources, { tags: ['latest'] });
    await multiarch.undo(list);
    expect(theirs).toHaveLength(1);
    expect(now()).toBe(theirs[0]);
  });
});

describe('a tag that cannot be moved back', () => {
  it('is left alone if another client has moved it since', async () => {
    const { registry, before, tags, fail, failed, app } = await start();
    let theirs = '';
    fail('PUT', 'latest', () => {
      theirs = registry.put('app', second, '1.2');
      return DENIED;
    });
    const error = await failed();
    expect(tags('1.2', 'latest')).toEqual([theirs, before.latest]);
    expect(error.tags).toEqual([
      { reference: `${app}:1.2`, outcome: 'replaced', digest: theirs, previous: before['1.2'] },
    ]);
    expect(error.message).toContain('another client has changed it since');
  });

  it.each<[string, (set: Awaited<ReturnType<typeof start>>) => void]>([
    [
      'whose previous image is gone',
      ({ fail, before }) => fail('GET', before['1.2'], () => ({ status: 404 })),
    ],
    ['whose second write is denied', ({ fail }) => fail('PUT', '1.2', () => DENIED)],
  ])('%s is named, with the command that moves it back', async (_, hinder) => {
    const set = await start();
    const { before, tags, fail, failed, app, multiarch, list } = set;
    fail('PUT', 'latest', () => {
      hinder(set);
      return DENIED;
    });
    const error = await failed();
    const [now] = tags('1.2');
    expect(error.tags).toEqual([
      { reference: `${app}:1.2`, outcome: 'moved', digest: now, previous: before['1.2'] },
    ]);
    expect(error.message).toContain(
      `${app}:1.2 points to ${now}, and before to ${before['1.2']}; to move it back: multiarch copy ${app}@${before['1.2']} ${app}:1.2`,
    );
    // It is recorded, so that undo works too.
    await multiarch.undo(list);
    expect(tags('1.2', 'latest')).toEqual([before['1.2'], before.latest]);
  });

  it.each([
    { deletes: 'tags' as const, outcome: 'restored', message: 'was created, and is deleted again' },
    { deletes: undefined, outcome: 'moved', message: 'no image of it was known before' },
  ])('because it did not exist is deleted if the registry allows it: $deletes', async (row) => {
    const { registry, before, tags, fail, failed, app } = await start({ deletes: row.deletes });
    fail('PUT', 'latest', () => DENIED);
    const error = await failed({ tags: ['new', 'latest'] });
    expect(tags('1.2', 'latest')).toEqual([before['1.2'], before.latest]);
    expect(tags('new')[0] === undefined).toBe(row.deletes === 'tags');
    expect(error.tags).toMatchObject([
      { reference: `${app}:new`, outcome: row.outcome },
      { outcome: 'restored' },
    ]);
    expect(error.message).toContain(`${app}:new`);
    expect(error.message).toContain(row.message);
    expect(registry.manifest('app', 'latest')).toBeDefined();
  });

  it('is not deleted if its previous image could not be read', async () => {
    const { tags, fail, failed, app } = await start({ deletes: 'tags' });
    fail('HEAD', '1.2', () => DENIED);
    fail('GET', '1.2', () => DENIED);
    fail('PUT', 'latest', () => DENIED);
    const error = await failed();
    expect(tags('1.2')[0]).toBeDefined();
    expect(error.tags).toMatchObject([{ reference: `${app}:1.2`, outcome: 'moved' }]);
    expect(error.tags[0]).not.toHaveProperty('previous');
  });

  it('is not deleted beside a tag that had the digest before: a registry may delete the image of both', async () => {
    const { tags, fail, push, failed } = await start({ deletes: 'tags' });
    const { publication } = await push({ tags: [] });
    fail('PUT', 'latest', () => DENIED);
    const error = await failed({ tags: ['new', 'latest'] });
    expect(error.tags).toMatchObject([{ outcome: 'moved' }]);
    expect(tags('1.2', 'new')).toEqual([publication.descriptor.digest, publication.descriptor.digest]);
  });
});

describe('tags elsewhere', () => {
  it('are moved back in repositories, registries and layouts, the last first', async () => {
    const { registry, multiarch, list, sources, before, tags, app } = await start({ deletes: 'tags' });
    const far = await startRegistry({
      fault: ({ method, path }, next) =>
        method === 'PUT' && path.endsWith('/manifests/denied') ? DENIED : next(),
    });
    const farBefore = far.put('mirror', second, '1');
    const otherBefore = registry.put('other', second, '1');
    const directory = await temporaryDirectory();
    const layout = `oci:${join(directory, 'layout')}`;
    const { document } = await multiarch
      .copy(`${app}:1.2`, `${layout}:old`)
      .then(() => multiarch.inspect(`${layout}:old`));
    const further = [`${registry.host}/other:1`, `${far.host}/mirror:1`, `${layout}:old`, `${layout}:new`];

    const error = await failureOf<MultiarchErrors>(
      multiarch.createAndPush(list, sources, { tags: [...further, `${far.host}/mirror:denied`] }),
    );

    expect(tags('1.2')).toEqual([before['1.2']]);
    expect(registry.manifest('other', '1')?.digest).toBe(otherBefore);
    expect(far.manifest('mirror', '1')?.digest).toBe(farBefore);
    expect((await multiarch.inspect(`${layout}:old`)).document.digest).toBe(document.digest);
    await expect(multiarch.inspect(`${layout}:new`)).rejects.toThrow();
    expect(error.tags.map(({ reference, outcome }) => `${reference} ${outcome}`)).toEqual(
      [...further.toReversed(), list].map((reference) => `${reference} restored`),
    );
  });

  it('of a copy are moved back', async () => {
    const { multiarch, app, before, tags, fail, registry } = await start();
    const source = registry.put('app', tinyIndex(images), 'source');
    fail('PUT', 'latest', () => DENIED);
    const error = await failureOf<MultiarchErrors>(
      multiarch.copy(`${app}:source`, `${app}:1.2`, { tags: ['latest'] }),
    );
    expect(tags('1.2', 'latest')).toEqual([before['1.2'], before.latest]);
    expect(error.tags).toMatchObject([{ outcome: 'restored' }]);
    expect(tags('source')).toEqual([source]);
  });
});

describe('a call that is cancelled', () => {
  it('between two tags moves the first one back', async () => {
    const { before, tags, fail, failed } = await start();
    const caller = new AbortController();
    fail('PUT', '1.2', async (next) => {
      const answer = await next();
      caller.abort();
      return { ...answer, after: new Promise((resolve) => setImmediate(resolve)) };
    });
    const error = await failed({ signal: caller.signal });
    expect(error.kind).toBe('cancelled');
    expect(tags('1.2', 'latest')).toEqual([before['1.2'], before.latest]);
    expect(error.tags).toMatchObject([{ outcome: 'restored' }]);
  });

  it('while a tag is written moves back what has moved', async () => {
    const { before, tags, fail, failed } = await start();
    const caller = new AbortController();
    fail('PUT', 'latest', () => {
      caller.abort();
      return { fault: 'stall' };
    });
    const error = await failed({ signal: caller.signal });
    expect(tags('1.2', 'latest')).toEqual([before['1.2'], before.latest]);
    expect(error.tags).toMatchObject([{ outcome: 'restored' }]);
  });

  it('is done if all tags have moved', async () => {
    const { tags, fail, push } = await start();
    const caller = new AbortController();
    fail('PUT', 'latest', async (next) => {
      await next();
      caller.abort();
      return { fault: 'stall' };
    });
    const { publication } = await push({ signal: caller.signal });
    const { digest } = publication.descriptor;
    expect(tags('1.2', 'latest')).toEqual([digest, digest]);
  });
});
