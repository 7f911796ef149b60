import { join } from 'node:path';

import { describe, expect, it, onTestFinished } from 'vitest';

import { TransportResolver } from '../../src/client/transport-resolver.js';
import { ArgumentError } from '../../src/oci/errors.js';
import { parseReference } from '../../src/oci/reference.js';
import { at, targetAt, temporaryDirectory } from '../support/test-multiarch.js';
import { imagesOf } from '../support/architectures.js';
import { writeLayout } from '../support/tiny-image.mjs';

function openPlaces(): TransportResolver {
  const places = new TransportResolver({
    insecure: false,
    env: {},
    homeDirectory: '/nowhere',
    userAgent: 'test',
  });
  onTestFinished(() => places.close());
  return places;
}

describe('Places', () => {
  it('opens a repository once, whatever is asked for in it, also at the same time', async () => {
    const places = openPlaces();
    const names = ['example.com/app:1', 'example.com/app:2', `example.com/app@sha256:${'a'.repeat(64)}`];

    const [first, ...others] = await Promise.all(names.map((name) => places.open(at(name))));

    for (const other of others) expect(other).toBe(first);
    expect(await places.open(at('example.com/other:1'))).not.toBe(first);
  });

  it('names it without a tag', async () => {
    const place = await openPlaces().open(at('ubuntu:24.04'));
    expect(place.label).toBe('ubuntu');
    expect(place.repository).not.toHaveProperty('tag');
  });

  it('opens it anew for pushing, and reads there too from then on', async () => {
    const places = openPlaces();
    const pull = await places.open(at('example.com/app:1'));

    const push = await places.openTarget(targetAt('example.com/app:1'), 'push');

    expect(push).not.toBe(pull);
    expect(await places.open(at('example.com/app:2'))).toBe(push);
    expect(await places.openTarget(targetAt('example.com/app:2'), 'push')).toBe(push);
  });

  it('opens a layout once', async () => {
    const places = openPlaces();
    const layout = await places.open(at('oci:/srv/images:1'));
    expect(await places.openTarget(targetAt('oci:/srv/images:2'), 'push')).toBe(layout);
    expect(layout.repository).toBeUndefined();
  });

  it('takes the digest of a location, else its tag', async () => {
    const digest = `sha256:${'a'.repeat(64)}`;
    const places = openPlaces();
    expect(await places.selector(at('app:1'))).toBe('1');
    expect(await places.selector(at('app'))).toBe('latest');
    expect(await places.selector(at(`app:1@${digest}`))).toBe(digest);
    expect(await places.selector(at('oci:/srv/images:1'))).toBe('1');
    expect(await places.selector(at(`oci:/srv/images@${digest}`))).toBe(digest);
  });

  it('takes the only image of a layout, and refuses to choose among several', async () => {
    const directory = join(await temporaryDirectory(), 'layout');
    const [one, two] = imagesOf(2);
    if (one === undefined || two === undefined) throw new Error('two images are needed');
    await writeLayout(directory, one, '1');
    const places = openPlaces();

    expect(await places.selector(at(`oci:${directory}`))).toBe(one.manifest.digest);
    await writeLayout(directory, two, '2');
    await expect(places.selector(at(`oci:${directory}`))).rejects.toThrow(ArgumentError);
  });

  it('does not look for the only image of an archive when it is cancelled', async () => {
    const location = at(`oci-archive:${join(await temporaryDirectory(), 'missing')}`);
    const selecting = openPlaces().selector(location, { signal: AbortSignal.abort() });
    await expect(selecting).rejects.toMatchObject({ kind: 'cancelled' });
  });

  it('refuses a repository without a tag or a digest', async () => {
    const location = { transport: 'registry', reference: parseReference('example.com/app') } as const;
    await expect(openPlaces().selector(location)).rejects.toThrow(ArgumentError);
  });
});
