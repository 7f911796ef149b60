import { join } from 'node:path';

import { describe, expect, it, onTestFinished } from 'vitest';

import { TransportResolver } from '../../src/client/transport-resolver.js';
import { ArgumentError } from '../../src/oci/errors.js';
import { parseReference } from '../../src/oci/reference.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { at, targetAt } from '../support/test-multiarch.js';
import { imagesOf } from '../support/architectures.js';
import { writeLayout } from '../support/tiny-image.mjs';

function openTransports(): TransportResolver {
  const transports = new TransportResolver({
    insecure: false,
    env: {},
    homeDirectory: '/nowhere',
    platform: process.platform,
  });
  onTestFinished(() => transports.close());
  return transports;
}

describe('TransportResolver', () => {
  it('opens a repository once for all its tags and digests, also concurrently', async () => {
    const transports = openTransports();
    const names = ['example.com/app:1', 'example.com/app:2', `example.com/app@sha256:${'a'.repeat(64)}`];

    const [first, ...others] = await Promise.all(names.map((name) => transports.open(at(name))));

    for (const other of others) expect(other).toBe(first);
    expect(await transports.open(at('example.com/other:1'))).not.toBe(first);
  });

  it('labels a repository without a tag', async () => {
    const repository = await openTransports().open(at('ubuntu:24.04'));
    expect(repository.label).toBe('ubuntu');
    expect(repository.repository).not.toHaveProperty('tag');
  });

  it('opens a repository again for pushes, and uses that for later reads', async () => {
    const transports = openTransports();
    const pull = await transports.open(at('example.com/app:1'));

    const push = await transports.openTarget(targetAt('example.com/app:1'), 'push');

    expect(push).not.toBe(pull);
    expect(await transports.open(at('example.com/app:2'))).toBe(push);
    expect(await transports.openTarget(targetAt('example.com/app:2'), 'push')).toBe(push);
  });

  it('opens a layout once', async () => {
    const transports = openTransports();
    const layout = await transports.open(at('oci:/srv/images:1'));
    expect(await transports.openTarget(targetAt('oci:/srv/images:2'), 'push')).toBe(layout);
    expect(layout.repository).toBeUndefined();
  });

  it('selects the digest of a location, else its tag', async () => {
    const digest = `sha256:${'a'.repeat(64)}`;
    const transports = openTransports();
    expect(await transports.selector(at('app:1'))).toBe('1');
    expect(await transports.selector(at('app'))).toBe('latest');
    expect(await transports.selector(at(`app:1@${digest}`))).toBe(digest);
    expect(await transports.selector(at('oci:/srv/images:1'))).toBe('1');
    expect(await transports.selector(at(`oci:/srv/images@${digest}`))).toBe(digest);
  });

  it('selects the only image of a layout, and rejects a layout with several', async () => {
    const directory = join(await temporaryDirectory(), 'layout');
    const [one, two] = imagesOf(2);
    if (one === undefined || two === undefined) throw new Error('two images are needed');
    await writeLayout(directory, one, '1');
    const transports = openTransports();

    expect(await transports.selector(at(`oci:${directory}`))).toBe(one.manifest.digest);
    await writeLayout(directory, two, '2');
    await expect(transports.selector(at(`oci:${directory}`))).rejects.toThrow(ArgumentError);
  });

  it('does not look for the only image of an archive when it is cancelled', async () => {
    const location = at(`oci-archive:${join(await temporaryDirectory(), 'missing')}`);
    const selecting = openTransports().selector(location, { signal: AbortSignal.abort() });
    await expect(selecting).rejects.toMatchObject({ kind: 'cancelled' });
  });

  it('rejects a repository without a tag or a digest', async () => {
    const location = { transport: 'registry', reference: parseReference('example.com/app') } as const;
    await expect(openTransports().selector(location)).rejects.toThrow(ArgumentError);
  });
});
