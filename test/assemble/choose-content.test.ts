import { describe, expect, it } from 'vitest';

import { chooseContent, type ChosenContent } from '../../src/assemble/choose-content.js';
import type { EntrySelection } from '../../src/assemble/select-entries.js';
import type { WorkEvent } from '../../src/content/events.js';
import { MemoryStore } from '../../src/content/memory-store.js';
import { documentDescriptor, type ManifestOrIndex } from '../../src/oci/document.js';
import { InvalidError, RequirementError } from '../../src/oci/errors.js';
import { DOCKER_LIST, OCI_INDEX } from '../../src/oci/media-type.js';
import { parsePlatformList } from '../../src/oci/required-platforms.js';
import { createIndexDocument } from '../../src/oci/serialise.js';
import { attestation, image } from '../support/drafts.js';
import { amd64, arm64, s390x, pair } from '../support/images.js';
import { indexOf } from '../support/indexes.js';
import { manifestOf } from '../contract/contract-content.js';
import { storeContent } from '../support/stored.js';
import { tinyImage, tinyIndex, type TinyImage, type TinyIndex } from '../support/tiny-image.mjs';

const attested = tinyIndex([amd64, arm64, s390x], { attestations: true });
const [, , , aboutAmd64, , aboutS390x] = attested.images;

/** A store with this content that records the reads. */
async function watched(content: TinyImage | TinyIndex) {
  const store = new MemoryStore();
  const document = await storeContent(store, content);
  const reads: string[] = [];
  const [readManifest, openBlob] = [store.readManifest.bind(store), store.openBlob.bind(store)];
  store.readManifest = (selector, options) => {
    reads.push(`manifest ${selector}`);
    return readManifest(selector, options);
  };
  store.openBlob = (descriptor, options) => {
    reads.push(`blob ${descriptor.digest}`);
    return openBlob(descriptor, options);
  };
  return { store, document, reads };
}

const platforms = (...texts: string[]): EntrySelection => ({ platforms: parsePlatformList(texts) });

async function choose(
  content: TinyImage | TinyIndex,
  selection: EntrySelection,
): Promise<ChosenContent & { readonly reads: readonly string[] }> {
  const { store, document, reads } = await watched(content);
  return { ...(await chooseContent(store, document, 'app:1', selection)), reads };
}

const digests = ({ document }: ChosenContent): string[] =>
  document.kind === 'index' ? document.value.manifests.map(({ digest }) => digest) : [document.digest];

/** Checks that the chosen bytes are those of the source. */
function expectSame({ document }: ChosenContent, { bytes }: { readonly bytes: Uint8Array }): void {
  expect(Buffer.from(document.bytes).equals(bytes)).toBe(true);
}

describe('chooseContent of an index', () => {
  it.each<[string, TinyIndex, EntrySelection]>([
    ['nothing is asked for', attested, {}],
    ['all platforms are asked for', attested, platforms('linux/s390x,linux/arm64/v8,linux/amd64')],
    ['there are no attestations to drop', pair, { attestations: 'drop' }],
  ])('keeps its bytes if %s', async (_, index, selection) => {
    const chosen = await choose(index, selection);
    expectSame(chosen, index);
    expect(chosen.entries.map(({ descriptor }) => descriptor.digest)).toEqual(
      index.images.map(({ manifest }) => manifest.digest),
    );
    expect(chosen.reads).toEqual([]);
  });

  it('returns the image itself for one platform, without its attestations', async () => {
    const chosen = await choose(attested, platforms('linux/arm64'));
    expectSame(chosen, arm64.manifest);
    expect(chosen.platform).toEqual(arm64.platform);
    expect(chosen.entries).toEqual([]);
    expect(chosen.reads).toEqual([`manifest ${arm64.manifest.digest}`]);
  });

  it('returns a smaller index for several, in order, with the attestations of its images', async () => {
    const chosen = await choose(attested, platforms('linux/s390x', 'linux/amd64'));
    expect(digests(chosen)).toEqual(
      [amd64, s390x, aboutAmd64, aboutS390x].map((entry) => entry?.manifest.digest),
    );
    expect(chosen.entries.map(({ descriptor }) => descriptor.digest)).toEqual(digests(chosen));
    expect(chosen.reads).toEqual([]);
  });

  it('drops attestations on request', async () => {
    const [all, some] = await Promise.all([
      choose(attested, { attestations: 'drop' }),
      choose(attested, { ...platforms('linux/amd64,linux/arm64'), attestations: 'drop' }),
    ]);
    const expected = [amd64, arm64, s390x].map(({ manifest }) => manifest.digest);
    expect(digests(all)).toEqual(expected);
    expect(digests(some)).toEqual(expected.slice(0, 2));
  });

  it.each([OCI_INDEX, DOCKER_LIST])('keeps the other members of a %s', async (mediaType) => {
    const store = new MemoryStore();
    const subject = documentDescriptor(await storeContent(store, amd64));
    const manifests = (['linux/amd64', 'linux/arm64', 'linux/s390x'] as const).map(
      (platform) => image(platform, platform, { annotations: { about: platform } }).descriptor,
    );
    const extras = { annotations: { about: 'all' }, artifactType: 'application/vnd.example', subject };
    const own = mediaType === OCI_INDEX ? extras : {};
    const document = createIndexDocument({ schemaVersion: 2, mediaType, manifests, ...own });
    const selection = platforms('linux/amd64,linux/s390x');
    const chosen = await chooseContent(store, document, 'app:1', selection);
    expect(chosen.document.value).toEqual({
      schemaVersion: 2,
      mediaType,
      manifests: [manifests[0], manifests[2]],
      ...own,
    });
    expect(chosen.document.mediaType).toBe(mediaType);
    expect(chosen.document.digest).not.toBe(document.digest);
  });

  it.each([
    ['linux/riscv64', 'linux/riscv64'],
    ['linux/amd64,linux/riscv64,linux/386', 'linux/riscv64, linux/386'],
  ])('rejects %s, and lists the present platforms', async (asked, missing) => {
    const chosen = choose(attested, platforms(asked));
    await expect(chosen).rejects.toThrow(RequirementError);
    await expect(chosen).rejects.toMatchObject({
      message: `app:1 has no image for ${missing}`,
      hint: 'It has linux/amd64, linux/arm64, linux/s390x.',
    });
  });

  it('rejects a selection without entries', async () => {
    const document = indexOf([attestation('gone').descriptor]);
    const chosen = chooseContent(new MemoryStore(), document, 'app:1', { attestations: 'drop' });
    await expect(chosen).rejects.toThrow(InvalidError);
    await expect(chosen).rejects.toThrow('app:1 has only attestations');
  });

  it('opens a nested index', async () => {
    const store = new MemoryStore();
    const inner = documentDescriptor(await storeContent(store, pair));
    const outer = documentDescriptor(await storeContent(store, s390x));
    const document = indexOf([inner, outer]);
    const choice = (...asked: string[]): Promise<ChosenContent> =>
      chooseContent(store, document, 'app:1', platforms(...asked));

    expect(digests(await choice('linux/arm64'))).toEqual([arm64.manifest.digest]);
    expect(digests(await choice('linux/s390x,linux/arm64'))).toEqual([
      arm64.manifest.digest,
      s390x.manifest.digest,
    ]);
    expectSame(await choice('linux/s390x,linux/arm64,linux/amd64'), document);
  });

  it('reads the config of an image without a platform', async () => {
    const store = new MemoryStore();
    const silent: ManifestOrIndex[] = [];
    for (const each of [amd64, arm64]) silent.push(await storeContent(store, each));
    const document = indexOf(silent.map(documentDescriptor));
    const chosen = await chooseContent(store, document, 'app:1', platforms('linux/arm64'));
    expectSame(chosen, arm64.manifest);
  });

  it.each([
    ['windows/amd64', '10.0.17763.1', true],
    ['windows(10.0.20348)/amd64', '10.0.20348.2', false],
  ])('chooses of several images for %s as clients do, with a warning', async (asked, taken, told) => {
    const images = ['10.0.17763.1', '10.0.20348.2'].map((osVersion) =>
      tinyImage({ architecture: 'amd64', os: 'windows', osVersion }),
    );
    const { store, document } = await watched(tinyIndex(images));
    const events: WorkEvent[] = [];
    const onEvent = (event: WorkEvent): void => void events.push(event);

    const chosen = await chooseContent(store, document, 'app:1', platforms(asked), { onEvent });

    expect(chosen.platform?.['os.version']).toBe(taken);
    const message = `app:1 has 2 images for windows/amd64: using ${chosen.document.digest}, as clients do`;
    expect(events).toEqual(told ? [{ kind: 'warning', message }] : []);
  });
});

describe('chooseContent of an image', () => {
  it('keeps it, and reads nothing', async () => {
    const chosen = await choose(amd64, { attestations: 'drop' });
    expectSame(chosen, amd64.manifest);
    expect(chosen).toMatchObject({ entries: [], reads: [] });
  });

  it('accepts the platform of its config', async () => {
    const chosen = await choose(arm64, platforms('linux/arm64/v8'));
    expectSame(chosen, arm64.manifest);
    expect(chosen).toMatchObject({ platform: arm64.platform, reads: [`blob ${arm64.config.digest}`] });
  });

  it.each(['linux/amd64', 'linux/arm64,linux/amd64'])('rejects %s', async (asked) => {
    const chosen = choose(arm64, platforms(asked));
    await expect(chosen).rejects.toThrow(RequirementError);
    await expect(chosen).rejects.toMatchObject({
      message: 'app:1 has no image for linux/amd64',
      hint: 'It has linux/arm64.',
    });
  });

  it('determines its platform on request; an artifact has none', async () => {
    const { store, document } = await watched(arm64);
    const configs = { configs: true };
    expect((await chooseContent(store, document, 'app:1', {}, configs)).platform).toEqual(arm64.platform);
    const chart = manifestOf(store.addBlob(Buffer.from('{}'), 'application/vnd.example.chart'), []);
    expect((await chooseContent(store, chart, 'chart:1', {}, configs)).platform).toBeUndefined();
  });
});
