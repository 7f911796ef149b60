import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { OCI_INDEX } from '../../src/oci/media-type.js';
import { artifact, listTag } from '../support/artifact.js';
import { failure } from '../support/fake-server.js';
import { amd64, arm64 } from '../support/images.js';
import { startCommandLine, type CommandLine } from '../support/in-process.js';
import type { MemoryRegistry } from '../support/memory-registry.js';
import { startRegistry } from '../support/open-repository.js';
import type { TinyImage } from '../support/tiny-image.mjs';

/** More than the writes that a test allows. */
const COUNT = 6;

interface SetUp extends CommandLine {
  readonly app: string;
  readonly registry: MemoryRegistry;
  /** Without the referrers API. */
  readonly target: MemoryRegistry;
  readonly referrers: readonly TinyImage[];
}

/** A registry with an image that has many referrers, and a second one. */
async function start(subject: TinyImage = amd64): Promise<SetUp> {
  const referrers = Array.from({ length: COUNT }, (_, number) =>
    artifact(subject.manifest, { text: `signature ${number}` }),
  );
  const { registry, ...setUp } = await startCommandLine({
    images: { amd64, arm64 },
    registry: { referrers: {} },
  });
  for (const referrer of referrers) registry.put('app', referrer);
  return { ...setUp, registry, target: await startRegistry(), referrers };
}

/** The digests in the list of a registry without the referrers API. */
function listed(registry: MemoryRegistry, subject: TinyImage = amd64): string[] {
  const list = registry.manifest('app', listTag(subject.manifest))?.bytes.toString() ?? '{"manifests":[]}';
  const { manifests } = JSON.parse(list) as { manifests: { digest: string }[] };
  return manifests.map(({ digest }) => digest);
}

function digestsOf(images: readonly TinyImage[]): string[] {
  return images.map(({ manifest }) => manifest.digest).toSorted();
}

/** The requests for the lists of referrers. */
function listRequests({ requests }: MemoryRegistry, method: string): number {
  return requests.filter((each) => each.method === method && /\/sha256-[0-9a-f]{64}$/.test(each.path)).length;
}

describe('the list of the referrers of one subject', () => {
  it('is read and written once for all that are copied', async () => {
    const { run, app, target, referrers } = await start();
    const copied = await run(['copy', '--referrers', `${app}:amd64`, `${target.host}/app:1`]);
    expect(copied).toMatchObject({ code: 0 });
    expect(listed(target)).toEqual(digestsOf(referrers));
    expect([listRequests(target, 'PUT'), listRequests(target, 'GET')]).toEqual([1, 1]);
  });

  it('is completed with one write if the target has referrers that it does not list', async () => {
    const { run, app, target, referrers } = await start();
    for (const referrer of referrers.slice(0, COUNT / 2)) target.put('app', referrer);
    await run(['copy', '--referrers', `${app}:amd64`, `${target.host}/app:1`]);
    expect(listed(target)).toEqual(digestsOf(referrers));
    expect(listRequests(target, 'PUT')).toBeLessThanOrEqual(2);
  });

  it('is written once for the entries of an index that have one subject', async () => {
    const { run, app, registry, target, referrers } = await start();
    const manifests = referrers.map(({ manifest: { mediaType, digest, size } }) => ({
      mediaType,
      digest,
      size,
    }));
    const index = JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests });
    registry.putManifest('app', Buffer.from(index), OCI_INDEX, 'signatures');
    const copied = await run(['copy', `${app}:signatures`, `${target.host}/app:1`]);
    expect(copied).toMatchObject({ code: 0 });
    expect(listed(target)).toEqual(digestsOf(referrers));
    expect(listRequests(target, 'PUT')).toBe(1);
  });

  it('is written once in a layout and an archive, too', async () => {
    const { run, app, directory } = await start();
    for (const target of [`oci:${directory}/layout:1`, `oci-archive:${directory}/archive.tar:1`]) {
      expect(await run(['copy', '--referrers', `${app}:amd64`, target])).toMatchObject({ code: 0 });
    }
    // The image, its referrers with a layer each, the empty config, the config and the layer of the image, and one list.
    expect(await readdir(join(directory, 'layout/blobs/sha256'))).toHaveLength(1 + 2 * COUNT + 1 + 2 + 1);
  });

  it('has those that were copied before another one failed', async () => {
    const { run, app, referrers } = await start();
    let manifests = 0;
    const target = await startRegistry({
      fault: async ({ method, path }, next) => {
        const isManifest = method === 'PUT' && path.includes('/manifests/sha256:');
        return isManifest && (manifests += 1) > COUNT / 2 ? failure(403, 'DENIED', 'no') : next();
      },
    });
    const { code } = await run([
      'copy',
      '--referrers',
      `${app}:amd64`,
      `${target.host}/app:1`,
      '--concurrency',
      '1',
    ]);
    expect(code).toBe(4);
    expect(target.manifest('app', '1')).toBeUndefined();
    const written = referrers.filter(({ manifest }) => target.manifest('app', manifest.digest) !== undefined);
    expect(written.length).toBeGreaterThan(0);
    expect(listed(target)).toEqual(digestsOf(written));
  });
});
