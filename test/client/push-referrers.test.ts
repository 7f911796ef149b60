import { describe, expect, it } from 'vitest';

import { artifact } from '../support/artifact.js';
import { imagesOf } from '../support/architectures.js';
import type { MemoryRegistryOptions } from '../support/memory-registry.js';
import { startMultiarch } from '../support/test-multiarch.js';

const images = imagesOf(2);
const [amd64 = expect.fail()] = images;
const sbom = artifact(amd64.manifest, { type: 'application/spdx+json' });

async function start(registry?: MemoryRegistryOptions) {
  const setUp = await startMultiarch({ images, path: 'parts', registry });
  setUp.registry.put('parts', sbom);
  return setUp;
}

describe('push with referrers', () => {
  it('copies the referrers of the images', async () => {
    const { registry, multiarch, list, sources } = await start({ referrers: {} });
    await multiarch.create(list, sources);
    const { referrers } = await multiarch.push(list, { referrers: true });
    expect(referrers).toEqual([sbom.manifest.digest]);
    expect(registry.manifest('app', sbom.manifest.digest)?.bytes).toEqual(Buffer.from(sbom.manifest.bytes));
    expect(registry.lines().at(-1)).toBe('PUT /v2/app/manifests/1.2 201');
  });

  it('copies the referrers of the index from a source that has it', async () => {
    const { registry, multiarch, list, sources } = await start({ referrers: {} });
    const { descriptor } = (await multiarch.createAndPush(`${registry.host}/parts:1.2`, sources)).publication;
    const signature = artifact(descriptor);
    registry.put('parts', signature);
    const cosigned = artifact(undefined, { text: 'cosign' });
    const tag = `${descriptor.digest.replace(':', '-')}.sig`;
    registry.put('parts', cosigned, tag);

    const { publication } = await multiarch.createAndPush(list, sources, { referrers: true });

    expect(publication.descriptor.digest).toBe(descriptor.digest);
    expect(publication.referrers?.toSorted()).toEqual(
      [sbom, signature, cosigned].map(({ manifest }) => manifest.digest).toSorted(),
    );
    expect(registry.manifest('app', tag)?.digest).toBe(cosigned.manifest.digest);
  });

  it('requests none unless it is set', async () => {
    const { registry, multiarch, list, sources } = await start({ referrers: {} });
    const { publication } = await multiarch.createAndPush(list, sources);
    expect(publication).not.toHaveProperty('referrers');
    expect(registry.lines().filter((line) => /referrers|sha256-/.test(line))).toEqual([]);
    expect(registry.manifest('app', sbom.manifest.digest)).toBeUndefined();
  });

  it('moves no tag if a referrer cannot be copied', async () => {
    const { registry, multiarch, list, sources } = await start({
      referrers: {},
      fault: (request, next) =>
        request.method === 'PUT' && request.path.endsWith(sbom.manifest.digest) ? { status: 403 } : next(),
    });
    await expect(multiarch.createAndPush(list, sources, { referrers: true })).rejects.toMatchObject({
      kind: 'unauthorized',
    });
    expect(registry.manifest('app', '1.2')).toBeUndefined();
  });
});
