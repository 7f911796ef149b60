import { describe, expect, it } from 'vitest';

import { MemoryStore } from '../../src/content/memory-store.js';
import type { Descriptor } from '../../src/oci/descriptor.js';
import type { ManifestOrIndex, IndexDocument } from '../../src/oci/document.js';
import { OCI_INDEX, OCI_MANIFEST } from '../../src/oci/media-type.js';
import { parsePlatform } from '../../src/oci/platform.js';
import { parseReference, parseTag } from '../../src/oci/reference.js';
import { publish } from '../../src/publish/publish.js';
import { pushReport, type PushReport, type ReportedDestination } from '../../src/publish/push-report.js';
import { attestation, digest, image } from '../support/drafts.js';
import { indexOf } from '../support/indexes.js';
import { storeContent } from '../support/stored.js';
import { tinyImage, tinyIndex } from '../support/tiny-image.mjs';

const { descriptor: amd64 } = image('amd64', 'linux/amd64');
const { descriptor: provenance } = attestation('amd64');

const to = (target: string | ReportedDestination['target'], tag?: string): ReportedDestination => ({
  target: typeof target === 'string' ? { label: target } : target,
  ...(tag !== undefined && { tag: parseTag(tag) }),
});

const registry = (label: string): ReportedDestination['target'] => ({
  label,
  repository: parseReference(label),
});

function report(
  index: IndexDocument,
  destinations: readonly [ReportedDestination, ...ReportedDestination[]] = [to('example.com/app')],
): PushReport {
  const { digest: own, mediaType, bytes } = index;
  const descriptor = { digest: own, mediaType, size: bytes.length };
  return pushReport({ document: index, publication: { descriptor, pushed: [], tags: [] }, destinations });
}

const platforms = (manifests: readonly Descriptor[]): PushReport['platforms'] =>
  report(indexOf(manifests)).platforms;

describe('pushReport', () => {
  it('reports a push', async () => {
    const [source, target, mirror] = ['source', 'example.com/app', 'example.org/app'].map(
      (label) => new MemoryStore(label),
    );
    if (source === undefined || target === undefined || mirror === undefined) throw new Error('no stores');
    const index = await storeContent(source, tinyIndex([tinyImage({ architecture: 'amd64' })]));
    const old = await storeContent(mirror, tinyIndex([tinyImage({ architecture: 'arm64' })]), 'latest');
    if (index.kind !== 'index') throw new Error('not an index');
    const [child] = index.value.manifests;
    if (child === undefined) throw new Error('no child');
    const destinations = [
      { target, tag: parseTag('1.2') },
      { target: mirror, tag: parseTag('latest') },
    ] as const;
    const publication = await publish({
      document: index,
      children: [{ descriptor: child, source }],
      destinations,
    });

    const made = pushReport({ document: index, publication, destinations });

    expect(made).toEqual({
      references: ['example.com/app:1.2', 'example.org/app:latest'],
      image: `example.com/app@${index.digest}`,
      digest: index.digest,
      mediaType: OCI_INDEX,
      size: index.bytes.length,
      platforms: {
        'linux/amd64': {
          platform: { os: 'linux', architecture: 'amd64' },
          digest: child.digest,
          mediaType: OCI_MANIFEST,
          size: child.size,
        },
      },
      tags: [
        { reference: 'example.com/app:1.2', digest: index.digest, outcome: 'moved' },
        {
          reference: 'example.org/app:latest',
          previous: old.digest,
          digest: index.digest,
          outcome: 'moved',
        },
      ],
    });
    expect(JSON.parse(JSON.stringify(made))).toEqual(made);
  });

  it.each([
    [registry('app'), 'docker.io/library/app'],
    [registry('user/app'), 'docker.io/user/app'],
    [registry('localhost:5000/app'), 'localhost:5000/app'],
    [{ label: 'oci:/srv/layout' }, 'oci:/srv/layout'],
    [{ label: 'oci-archive:out.tar' }, 'oci-archive:out.tar'],
    [{ label: 'app' }, 'app'],
    [{ label: 'A Store Of My Own' }, 'A Store Of My Own'],
  ])('uses the fully qualified name of the repository, else the label: %j', (target, name) => {
    const index = indexOf([amd64]);
    const { references, image: own } = report(index, [to(target, '1'), to(target)]);
    expect(references).toEqual([`${name}:1`, `${name}@${index.digest}`]);
    expect(own).toBe(`${name}@${index.digest}`);
  });

  it.each([
    ['linux/arm64/v8', 'linux/arm64'],
    ['linux/arm', 'linux/arm/v7'],
    ['windows(10.0.17763.1)/amd64', 'windows(10.0.17763.1)/amd64'],
  ])('reports the platform %s under the key %s', (text, name) => {
    const platform = parsePlatform(text);
    const { descriptor } = image('one', undefined, { platform });
    expect(platforms([descriptor])).toEqual({
      [name]: { platform, digest: digest('one'), mediaType: OCI_MANIFEST, size: descriptor.size },
    });
  });

  it('reports attestations with their image, not as images', () => {
    const found = platforms([provenance, amd64, attestation('gone').descriptor]);
    expect(Object.keys(found)).toEqual(['linux/amd64']);
    expect(found['linux/amd64']?.attestations).toEqual([provenance.digest]);
  });

  it('omits images without a known platform', () => {
    const unknown = image('a', 'unknown/unknown').descriptor;
    expect(platforms([unknown, image('b').descriptor])).toEqual({});
  });

  it('reports other images of the same platform as duplicates', () => {
    const others = ['b', 'c'].map((name) => image(name, 'linux/amd64').descriptor);
    expect(platforms([amd64, ...others])).toMatchObject({
      'linux/amd64': { digest: amd64.digest, duplicates: [digest('b'), digest('c')] },
    });
  });
});

describe('pushReport of an image', () => {
  const document = async (): Promise<ManifestOrIndex> =>
    storeContent(new MemoryStore(), tinyImage({ architecture: 'arm', variant: 'v7' }));

  it('reports its platform if known', async () => {
    const made = await document();
    const { digest: own, mediaType, bytes } = made;
    const descriptor = { digest: own, mediaType, size: bytes.length };
    const request = {
      document: made,
      publication: { descriptor, pushed: [], tags: [] },
      destinations: [to('example.com/app', '1')],
    } as const;
    const platform = parsePlatform('linux/arm/v7');
    expect(pushReport({ ...request, platform })).toEqual({
      references: ['example.com/app:1'],
      image: `example.com/app@${own}`,
      ...descriptor,
      platforms: { 'linux/arm/v7': { platform, ...descriptor } },
      tags: [],
    });
    expect(pushReport(request).platforms).toEqual({});
  });
});
