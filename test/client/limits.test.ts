import { join } from 'node:path';

import { expect, it } from 'vitest';

import { Multiarch } from '../../src/client/multiarch.js';
import { ArgumentError, LimitError } from '../../src/oci/errors.js';
import { amd64, arm64, pair } from '../support/images.js';
import { failureOf } from '../support/failure.js';
import { startRegistry } from '../support/open-repository.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { openMultiarch } from '../support/test-multiarch.js';

async function prepare(requests: number): Promise<{ readonly client: Multiarch; readonly app: string }> {
  const registry = await startRegistry();
  registry.put('app', pair, 'pair');
  registry.put('app', amd64, 'amd64');
  registry.put('app', arm64, 'arm64');
  return { client: await openMultiarch({ limits: { requests } }), app: `${registry.host}/app` };
}

it('the limits of a client are for each of its calls', async () => {
  const { client, app } = await prepare(2);
  for (let time = 0; time < 3; time += 1) await client.inspect(`${app}:pair`);
  const calls = [1, 2, 3].map(() => client.inspect(`${app}:pair`));
  expect(await Promise.all(calls)).toHaveLength(3);
});

it('what is read of an inspection counts with its call', async () => {
  const { client, app } = await prepare(2);
  const [first, second] = (await client.inspect(`${app}:pair`)).children;
  await first?.read();
  expect(await failureOf(Promise.resolve(second?.read()), LimitError)).toMatchObject({ kind: 'failed' });
  // Another call starts anew.
  await client.inspect(`${app}:pair`);
});

it('a source that is opened has no limits of its own', async () => {
  const { client, app } = await prepare(1);
  const { source, selector } = await client.openSource(`${app}:pair`);
  for (let time = 0; time < 3; time += 1) await source.readManifest(selector);
});

it('a limit never stops between two tags', async () => {
  const { client, app } = await prepare(4);
  // Two manifests with their configs; then the push needs more than is left.
  await client.create(`${app}:new`, [`${app}:amd64`, `${app}:arm64`]);
  const tags = ['a', 'b', 'c', 'd', 'e', 'f'];
  const failed = await failureOf(client.push(`${app}:new`, { tags }), LimitError);
  expect(failed.message).toContain('needs more than 4 requests');
  const enough = await prepare(12);
  await enough.client.create(`${enough.app}:new`, [`${enough.app}:amd64`, `${enough.app}:arm64`]);
  const { tags: moved } = await enough.client.push(`${enough.app}:new`, { tags });
  expect(moved).toHaveLength(7);
});

it.each([{ requests: 0 }, { metadata: 1.5 }, { entries: -1 }])('the limits %o are rejected', (limits) => {
  expect(() => new Multiarch({ limits })).toThrow(ArgumentError);
});

it('a limit never stops an undo between two tags', async () => {
  const registry = await startRegistry();
  const app = `${registry.host}/app`;
  const [digest] = ['new', 'a', 'b'].map((tag) => registry.put('app', pair, tag));
  registry.put('app', amd64, 'amd64');
  const store = join(await temporaryDirectory(), 'drafts');
  const client = await openMultiarch({ store });
  await client.create(`${app}:new`, [`${app}:amd64`], { replace: true });
  await client.push(`${app}:new`, { tags: ['a', 'b'] });
  const tags = (): unknown[] => ['new', 'a', 'b'].map((tag) => registry.manifest('app', tag)?.digest);
  const before = tags();
  for (let requests = 1, isDone = false; !isDone; requests += 1) {
    const limited = await openMultiarch({ store, limits: { requests } });
    isDone = await limited.undo(`${app}:new`).then(
      () => true,
      (error: unknown) => {
        expect(error).toBeInstanceOf(LimitError);
        return false;
      },
    );
    expect(tags()).toEqual(isDone ? [digest, digest, digest] : before);
  }
});

it('a call that an event handler makes has the limits of its own client', async () => {
  const { client, app } = await prepare(12);
  await client.create(`${app}:new`, [`${app}:amd64`, `${app}:arm64`]);
  const other = await openMultiarch({ limits: { requests: 1 } });
  const failures: Promise<LimitError>[] = [];
  await client.push(`${app}:new`, {
    onEvent: () => failures.push(failureOf(other.copy(`${app}:pair`, `${app}:copy`), LimitError)),
  });
  expect((await Promise.all(failures))[0]?.message).toContain('needs more than 1 requests');
});
