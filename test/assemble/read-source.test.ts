import { describe, expect, it } from 'vitest';

import { readSource, type SourceImages } from '../../src/assemble/read-source.js';
import type { Limit } from '../../src/content/limit.js';
import { MemoryStore } from '../../src/content/memory-store.js';
import type { WorkEvent } from '../../src/content/events.js';
import type { Source } from '../../src/content/source.js';
import type { Descriptor } from '../../src/oci/descriptor.js';
import { documentDescriptor } from '../../src/oci/document.js';
import { InvalidError, NotFoundError } from '../../src/oci/errors.js';
import { DOCKER_LIST, OCI_CONFIG, OCI_INDEX, OCI_LAYER } from '../../src/oci/media-type.js';
import { parseTag } from '../../src/oci/reference.js';
import { createIndexDocument } from '../../src/oci/serialise.js';
import { manifestOf } from '../contract/contract-content.js';
import { amd64, armv7, s390x, arm64 } from '../support/images.js';
import { storeNested } from '../support/nested-indexes.js';
import { storeContent } from '../support/stored.js';
import { tinyImage, tinyIndex, type TinyImage } from '../support/tiny-image.mjs';

const LATEST = parseTag('latest');

/** A store that logs what is read from it. */
function watched(store: MemoryStore): { readonly source: Source; readonly reads: string[] } {
  const reads: string[] = [];
  const source: Source = {
    label: store.label,
    resolve: (selector, options) => store.resolve(selector, options),
    find: (selector, options) => store.find(selector, options),
    readManifest: (selector, options) => {
      reads.push(`manifest ${selector}`);
      return store.readManifest(selector, options);
    },
    openBlob: (descriptor, options) => {
      reads.push(`blob ${descriptor.digest}`);
      return store.openBlob(descriptor, options);
    },
  };
  return { source, reads };
}

/** Puts an index of these entries under `latest`. */
async function storeIndex(store: MemoryStore, manifests: readonly Descriptor[]): Promise<Descriptor> {
  const index = createIndexDocument({ schemaVersion: 2, mediaType: OCI_INDEX, manifests });
  return store.writeManifest(index, { tag: LATEST });
}

/** The entry of an image in an index without platforms. */
async function silentEntry(store: MemoryStore, image: TinyImage): Promise<Descriptor> {
  return documentDescriptor(await storeContent(store, image));
}

const platforms = ({ entries }: SourceImages): unknown[] =>
  entries.map(({ descriptor }) => descriptor.platform);

describe('readSource of an image', () => {
  it('takes the platform from the config, with two reads', async () => {
    const store = new MemoryStore();
    await storeContent(store, armv7, 'latest');
    const { source, reads } = watched(store);

    const { label, entries } = await readSource(source, LATEST, 'app:latest');

    expect(label).toBe('app:latest');
    expect(entries).toMatchObject([
      {
        descriptor: {
          mediaType: armv7.manifest.mediaType,
          digest: armv7.manifest.digest,
          size: armv7.manifest.size,
          platform: { os: 'linux', architecture: 'arm', variant: 'v7' },
        },
        document: { kind: 'manifest', digest: armv7.manifest.digest },
      },
    ]);
    expect(reads).toEqual(['manifest latest', `blob ${armv7.config.digest}`]);
  });

  it('omits the platform if the config has none', async () => {
    const store = new MemoryStore();
    await storeContent(store, tinyImage({ architecture: 'amd64', omitPlatform: true }), 'latest');

    expect(platforms(await readSource(store, LATEST, 'app'))).toEqual([undefined]);
  });

  it('does not read the config of an artifact, which has no platform', async () => {
    const store = new MemoryStore();
    const config = store.addBlob(Buffer.from('not JSON at all'), 'application/vnd.example.chart');
    await store.writeManifest(manifestOf(config, []), { tag: LATEST });
    const { source, reads } = watched(store);

    const warnings: string[] = [];
    const { entries } = await readSource(source, LATEST, 'chart', {
      onEvent: (event) => {
        if (event.kind === 'warning') warnings.push(event.message);
      },
    });

    expect(warnings).toEqual([
      'chart is not an image: its config is application/vnd.example.chart. No client will find it by a platform.',
    ]);
    expect(entries).toMatchObject([{ descriptor: { artifactType: 'application/vnd.example.chart' } }]);
    expect(entries[0]?.descriptor).not.toHaveProperty('platform');
    expect(reads).toEqual(['manifest latest']);
  });

  it.each([
    { layers: 0, diffIds: 2, isWarned: true },
    { layers: 2, diffIds: 1, isWarned: true },
    { layers: 1, diffIds: 1, isWarned: false },
    { layers: 1, diffIds: undefined, isWarned: false },
  ])('reports $layers layers beside $diffIds diff_ids: $isWarned', async ({ layers, diffIds, isWarned }) => {
    const store = new MemoryStore();
    const layer = store.addBlob(Buffer.from('layer'), OCI_LAYER);
    const rootfs = diffIds !== undefined && {
      rootfs: { type: 'layers', diff_ids: Array(diffIds).fill(layer.digest) },
    };
    const json = JSON.stringify({ os: 'linux', architecture: 'amd64', ...rootfs });
    const config = store.addBlob(Buffer.from(json), OCI_CONFIG);
    await store.writeManifest(manifestOf(config, Array(layers).fill(layer) as Descriptor[]), { tag: LATEST });
    const events: WorkEvent[] = [];

    await readSource(store, LATEST, 'app', { onEvent: (event) => events.push(event) });

    const message = `app has ${layers} layers, but its config has ${diffIds}: clients reject the image`;
    expect(events.filter(({ kind }) => kind === 'warning')).toEqual(
      isWarned ? [{ kind: 'warning', message }] : [],
    );
  });

  it('rejects an invalid image config', async () => {
    const store = new MemoryStore();
    const config = store.addBlob(Buffer.from('not JSON at all'), OCI_CONFIG);
    await store.writeManifest(manifestOf(config, []), { tag: LATEST });

    await expect(readSource(store, LATEST, 'app')).rejects.toThrow(InvalidError);
  });

  it('throws what the source throws for a missing image', async () => {
    await expect(readSource(new MemoryStore(), LATEST, 'app')).rejects.toThrow(NotFoundError);
  });
});

describe('readSource of an index', () => {
  it('returns images and attestations as listed, and reads only the index', async () => {
    const store = new MemoryStore();
    const index = tinyIndex([amd64, armv7], { attestations: true });
    await storeContent(store, index, 'latest');
    const { source, reads } = watched(store);

    const { entries } = await readSource(source, LATEST, 'app');

    const { manifests } = JSON.parse(Buffer.from(index.bytes).toString()) as { manifests: Descriptor[] };
    expect(manifests).toHaveLength(4);
    expect(entries).toEqual(manifests.map((descriptor) => ({ descriptor })));
    expect(reads).toEqual(['manifest latest']);
  });

  it('accepts a Docker manifest list', async () => {
    const store = new MemoryStore();
    const list = tinyIndex([amd64], { mediaTypes: 'docker' });
    expect(list.mediaType).toBe(DOCKER_LIST);
    await storeContent(store, list, 'latest');

    expect(platforms(await readSource(store, LATEST, 'app'))).toEqual([amd64.platform]);
  });

  it('keeps all fields of an entry', async () => {
    const store = new MemoryStore();
    const entry: Descriptor = {
      ...(await silentEntry(store, amd64)),
      platform: { os: 'windows', architecture: 'amd64', 'os.version': '10.0.1', 'os.features': ['win32k'] },
      annotations: { 'com.example.key': 'value' },
      urls: ['https://example.com/x'],
    };
    await storeIndex(store, [entry]);

    expect((await readSource(store, LATEST, 'app')).entries).toEqual([{ descriptor: entry }]);
  });

  it('reads only the configs of images whose platform is not in the index', async () => {
    const store = new MemoryStore();
    const stated = { ...(await silentEntry(store, amd64)), platform: { os: 'linux', architecture: 'amd64' } };
    const silent = { ...(await silentEntry(store, armv7)), annotations: { kept: 'yes' } };
    await storeIndex(store, [stated, silent]);
    const { source, reads } = watched(store);

    const { entries } = await readSource(source, LATEST, 'app');

    expect(entries).toMatchObject([
      { descriptor: stated },
      { descriptor: { ...silent, platform: armv7.platform }, document: { digest: silent.digest } },
    ]);
    expect(reads).toEqual(['manifest latest', `manifest ${silent.digest}`, `blob ${armv7.config.digest}`]);
  });

  it('prefers the platform of the index to the one of the config', async () => {
    const store = new MemoryStore();
    const platform = { os: 'linux', architecture: 'arm64', variant: 'v8' };
    await storeIndex(store, [{ ...(await silentEntry(store, amd64)), platform }]);

    const images = await readSource(store, LATEST, 'app', { configs: true });

    expect(images.entries[0]?.config).toMatchObject({ architecture: 'amd64' });
    expect(platforms(images)).toEqual([platform]);
  });

  it('keeps an artifact and an attestation without a platform, and reads neither', async () => {
    const store = new MemoryStore();
    const entry = await silentEntry(store, amd64);
    const artifact = { ...entry, artifactType: 'application/vnd.example.sbom' };
    const attestation = {
      ...(await silentEntry(store, armv7)),
      annotations: { 'vnd.docker.reference.type': 'attestation-manifest' },
    };
    await storeIndex(store, [artifact, attestation]);
    const { source, reads } = watched(store);

    const { entries } = await readSource(source, LATEST, 'app');

    expect(entries).toEqual([{ descriptor: artifact }, { descriptor: attestation }]);
    expect(reads).toEqual(['manifest latest']);
  });

  it('returns no entries for an empty index', async () => {
    const store = new MemoryStore();
    await storeIndex(store, []);

    expect((await readSource(store, LATEST, 'app')).entries).toEqual([]);
  });

  it('replaces a nested index by its entries', async () => {
    const store = new MemoryStore();
    const inner = await storeContent(store, tinyIndex([amd64, armv7]));
    const [first, last] = [await silentEntry(store, s390x), await silentEntry(store, arm64)];
    await storeIndex(store, [first, documentDescriptor(inner), last]);

    const { entries } = await readSource(store, LATEST, 'app');

    const images = [s390x, amd64, armv7, arm64];
    expect(entries.map(({ descriptor }) => descriptor.digest)).toEqual(
      images.map((image) => image.manifest.digest),
    );
    expect(entries.map(({ descriptor }) => descriptor.platform)).toEqual(
      images.map((image) => image.platform),
    );
  });

  it('opens four nested indexes, and no more', async () => {
    const store = new MemoryStore();
    await storeContent(store, tinyIndex([amd64]), 'latest');
    for (let depth = 1; depth <= 3; depth += 1) await storeIndex(store, [await store.resolve(LATEST)]);
    expect(platforms(await readSource(store, LATEST, 'app'))).toEqual([amd64.platform]);

    await storeIndex(store, [await store.resolve(LATEST)]);

    await expect(readSource(store, LATEST, 'app')).rejects.toThrow(
      'app nests image indexes more than 4 deep',
    );
  });

  it('opens an index once, even if it is listed many times', async () => {
    const store = new MemoryStore();
    const image = { ...(await silentEntry(store, amd64)), platform: { os: 'linux', architecture: 'amd64' } };
    const outermost = await storeNested(store, image, 4);
    const { source, reads } = watched(store);

    const { entries } = await readSource(source, outermost.digest, 'app');

    expect(reads).toHaveLength(4);
    expect(new Set(reads).size).toBe(4);
    // Those of the innermost index.
    expect(entries).toHaveLength(60);
  });

  it('rejects a child whose size differs from the index', async () => {
    const whole = new MemoryStore();
    const entry = await silentEntry(whole, amd64);
    const index = createIndexDocument({
      schemaVersion: 2,
      mediaType: OCI_INDEX,
      manifests: [{ ...entry, size: entry.size + 1 }],
    });
    // A MemoryStore rejects such an index, but a registry may accept it.
    const source: Source = {
      label: 'registry.example.com/app',
      resolve: (selector) => whole.resolve(selector),
      find: (selector) => whole.find(selector),
      readManifest: (selector) =>
        selector === LATEST ? Promise.resolve(index) : whole.readManifest(selector),
      openBlob: (descriptor) => whole.openBlob(descriptor),
    };

    const read = readSource(source, LATEST, 'app');

    await expect(read).rejects.toThrow(InvalidError);
    await expect(read).rejects.toThrow(`has ${entry.size} bytes, but its index says ${entry.size + 1}`);
  });
});

describe('readSource', () => {
  it('reports the entries, and runs every read under the limit', async () => {
    const store = new MemoryStore();
    const silent = await silentEntry(store, amd64);
    await storeIndex(store, [silent]);
    const events: WorkEvent[] = [];
    let limited = 0;
    const limit: Limit = (task) => {
      limited += 1;
      return task();
    };
    const { source, reads } = watched(store);

    await readSource(source, LATEST, 'app', { limit, onEvent: (event) => events.push(event) });

    const entries = [{ ...silent, platform: amd64.platform }];
    expect(events).toEqual([{ kind: 'resolved', source: 'app', entries }]);
    expect(limited).toBe(reads.length);
    expect(reads).toHaveLength(3);
  });
});
