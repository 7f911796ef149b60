import { describe, expect, it } from 'vitest';

import type { Descriptor } from '../../src/oci/descriptor.js';
import { diffIndexes, type Comparable, type IndexDiff } from '../../src/oci/diff-index.js';
import { DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST } from '../../src/oci/media-type.js';
import { parseDocument } from '../../src/oci/parse.js';
import { parsePlatform } from '../../src/oci/platform.js';
import { attestation, digest, image } from '../support/drafts.js';
import { indexOf } from '../support/indexes.js';

const { descriptor: amd64 } = image('amd64', 'linux/amd64');
const { descriptor: arm64 } = image('arm64', 'linux/arm64');
const { descriptor: armv7 } = image('armv7', 'linux/arm/v7');
const { descriptor: newAmd64 } = image('newer amd64', 'linux/amd64');
const about = (word: string): Descriptor => attestation(word).descriptor;

const NOTHING = { added: [], removed: [], changed: [] };

/** The differences between indexes of these entries, without the members that are always present. */
function diff(before: readonly Descriptor[], after: readonly Descriptor[]): Partial<IndexDiff> {
  return found(diffIndexes(indexOf(before), indexOf(after)));
}

function found({ before: _before, after: _after, ...rest }: IndexDiff): Partial<IndexDiff> {
  return Object.fromEntries(
    Object.entries(rest).filter(
      ([name, value]) =>
        name === 'same' || !(JSON.stringify(value) === JSON.stringify(NOTHING) || isEmpty(value)),
    ),
  );
}

const isEmpty = (value: unknown): boolean => JSON.stringify(value) === '{}';

describe('diffIndexes', () => {
  it('finds no differences in equal indexes', () => {
    expect(diff([amd64, about('amd64')], [amd64, about('amd64')])).toEqual({ same: true });
  });

  it('gives digest and media type of both', () => {
    const [one, other] = [indexOf([amd64]), indexOf([amd64], { mediaType: DOCKER_LIST })];
    const { same, before, after, index } = diffIndexes(one, other);
    expect({ same, before, after }).toEqual({
      same: false,
      before: { digest: one.digest, mediaType: OCI_INDEX },
      after: { digest: other.digest, mediaType: DOCKER_LIST },
    });
    expect(index).toEqual({ mediaType: { before: OCI_INDEX, after: DOCKER_LIST } });
  });

  it('adds everything to a side that does not exist', () => {
    const after = indexOf([amd64, arm64, about('amd64')], { annotations: { a: 'b' } });
    expect(diffIndexes(undefined, after)).toEqual({
      same: false,
      after: { digest: after.digest, mediaType: OCI_INDEX },
      index: { mediaType: { after: OCI_INDEX }, annotations: { a: { after: 'b' } } },
      platforms: {
        added: [amd64, arm64].map((descriptor) => ({ platform: descriptor.platform, descriptor })),
        removed: [],
        changed: [],
      },
      attestations: {
        added: [{ platform: amd64.platform, descriptor: about('amd64') }],
        removed: [],
        changed: [],
      },
    });
  });

  it('finds added and removed entries', () => {
    expect(diff([amd64, armv7], [arm64, amd64])).toEqual({
      same: false,
      platforms: {
        added: [{ platform: arm64.platform, descriptor: arm64 }],
        removed: [{ platform: armv7.platform, descriptor: armv7 }],
        changed: [],
      },
    });
  });

  it('finds another image for a platform', () => {
    expect(diff([amd64, arm64], [newAmd64, arm64])).toEqual({
      same: false,
      platforms: {
        ...NOTHING,
        changed: [
          {
            platform: amd64.platform,
            before: amd64,
            after: newAmd64,
            changes: {
              digest: { before: amd64.digest, after: newAmd64.digest },
              size: { before: amd64.size, after: newAmd64.size },
            },
          },
        ],
      },
    });
  });

  it.each<[what: string, before: Partial<Descriptor>, after: Partial<Descriptor>, changes: object]>([
    [
      'its media type',
      {},
      { mediaType: DOCKER_MANIFEST },
      { mediaType: { before: OCI_MANIFEST, after: DOCKER_MANIFEST } },
    ],
    [
      'annotations',
      { annotations: { a: '1', b: '1', c: '' } },
      { annotations: { b: '2', c: '', d: '1', constructor: 'x' } },
      {
        annotations: {
          a: { before: '1' },
          b: { before: '1', after: '2' },
          d: { after: '1' },
          constructor: { after: 'x' },
        },
      },
    ],
    ['urls', {}, { urls: ['https://example.com/'] }, { urls: { after: ['https://example.com/'] } }],
    ['data', { data: 'e30=' }, {}, { data: { before: 'e30=' } }],
    [
      'how its platform is spelled',
      { platform: parsePlatform('linux/arm64') },
      { platform: parsePlatform('linux/arm64/v8') },
      {
        platform: {
          before: { os: 'linux', architecture: 'arm64' },
          after: { os: 'linux', architecture: 'arm64', variant: 'v8' },
        },
      },
    ],
  ])('finds that an entry changed in %s', (_what, before, after, changes) => {
    const { platforms } = diff([{ ...amd64, ...before }], [{ ...amd64, ...after }]);
    expect(platforms).toMatchObject({ added: [], removed: [], changed: [{ changes }] });
    expect(platforms?.changed[0]?.changes).toEqual(changes);
  });

  it('treats another platform of the same image as another entry', () => {
    const moved = { ...armv7, platform: parsePlatform('linux/arm/v6') };
    const { platforms } = diff([armv7], [moved]);
    expect(platforms).toMatchObject({ added: [{ descriptor: moved }], removed: [{ descriptor: armv7 }] });
  });

  describe('with several entries of one platform', () => {
    const third = image('third amd64', 'linux/amd64').descriptor;

    it('compares those of the same digest first', () => {
      const { platforms } = diff([amd64, newAmd64], [third, amd64]);
      expect(platforms?.changed).toMatchObject([{ before: newAmd64, after: third }]);
    });

    it('lists the unpaired ones', () => {
      expect(diff([amd64, newAmd64], [newAmd64]).platforms).toMatchObject({
        added: [],
        removed: [{ descriptor: amd64 }],
        changed: [],
      });
      expect(diff([amd64], [amd64, amd64]).platforms?.added).toHaveLength(1);
    });
  });

  describe('of attestations', () => {
    it('pairs them by the platform of their image, and names it', () => {
      const changes = diff([amd64, about('amd64')], [newAmd64, about('newer amd64')]);
      expect(changes.platforms?.changed).toHaveLength(1);
      expect(changes.attestations).toEqual({
        ...NOTHING,
        changed: [
          {
            platform: amd64.platform,
            before: about('amd64'),
            after: about('newer amd64'),
            changes: {
              digest: { before: about('amd64').digest, after: about('newer amd64').digest },
              size: { before: about('amd64').size, after: about('newer amd64').size },
            },
          },
        ],
      });
    });

    it('lists added and removed ones', () => {
      expect(diff([amd64, about('amd64')], [amd64]).attestations).toEqual({
        ...NOTHING,
        removed: [{ platform: amd64.platform, descriptor: about('amd64') }],
      });
      expect(diff([amd64], [about('gone'), amd64]).attestations).toEqual({
        ...NOTHING,
        added: [{ descriptor: about('gone') }],
      });
    });

    it('gives one for an image of two platforms the first platform', () => {
      const twice = [amd64, { ...amd64, platform: parsePlatform('linux/amd64/v2') }];
      expect(diff(twice, [...twice, about('amd64')]).attestations?.added).toEqual([
        { platform: amd64.platform, descriptor: about('amd64') },
      ]);
    });

    it('reports that the same attestation is for another image', () => {
      const attested = about('amd64');
      const annotations = {
        ...attested.annotations,
        'vnd.docker.reference.digest': newAmd64.digest,
      };
      const { attestations } = diff(
        [amd64, newAmd64, attested],
        [amd64, newAmd64, { ...attested, annotations }],
      );
      expect(attestations?.changed[0]?.changes).toEqual({
        annotations: { 'vnd.docker.reference.digest': { before: digest('amd64'), after: newAmd64.digest } },
      });
    });
  });

  it('pairs entries without a platform by their type', () => {
    const chart = (word: string): Descriptor =>
      image(word, undefined, { artifactType: 'application/vnd.example.chart' }).descriptor;
    const nested = image('list', undefined, { mediaType: OCI_INDEX }).descriptor;
    const changes = diff([nested, chart('one')], [nested, chart('two')]);
    expect(changes.platforms).toMatchObject({ added: [], removed: [], changed: [{ after: chart('two') }] });
  });

  it('finds differences in the other members of the indexes', () => {
    const subject = armv7;
    const before = indexOf([amd64], { annotations: { a: '1' }, artifactType: 'application/a', subject });
    const after = indexOf([amd64], { annotations: { a: '2' }, subject: arm64 });
    expect(found(diffIndexes(before, after))).toEqual({
      same: false,
      index: {
        artifactType: { before: 'application/a' },
        subject: { before: subject, after: arm64 },
        annotations: { a: { before: '1', after: '2' } },
      },
    });
    expect(diffIndexes(before, indexOf([amd64])).index.annotations).toEqual({ a: { before: '1' } });
  });

  describe('of order', () => {
    it('lists the common entries in the order of each side', () => {
      expect(
        diff([amd64, armv7, arm64, about('amd64')], [arm64, about('newer amd64'), newAmd64]).order,
      ).toEqual({
        before: [
          { name: 'linux/amd64', digest: amd64.digest },
          { name: 'linux/arm64', digest: arm64.digest },
          { name: 'attestation of linux/amd64', digest: about('amd64').digest },
        ],
        after: [
          { name: 'linux/arm64', digest: arm64.digest },
          { name: 'attestation of linux/amd64', digest: about('newer amd64').digest },
          { name: 'linux/amd64', digest: newAmd64.digest },
        ],
      });
    });

    it('ignores added and removed entries', () => {
      expect(diff([amd64, arm64], [armv7, amd64, about('gone'), arm64]).order).toBeUndefined();
    });

    it('names entries without a platform by their type', () => {
      const chart = image('chart', undefined, { artifactType: 'application/vnd.example.chart' }).descriptor;
      const odd = image('odd').descriptor;
      const names = diff([chart, odd, about('gone')], [about('gone'), odd, chart]).order?.before;
      expect(names?.map(({ name }) => name)).toEqual([
        'application/vnd.example.chart',
        OCI_MANIFEST,
        'attestation',
      ]);
    });
  });

  it('finds only another digest if the content is equal', () => {
    const one = indexOf([amd64]);
    const compact = JSON.stringify(JSON.parse(Buffer.from(one.bytes).toString()));
    const other = parseDocument(Buffer.from(compact)) as Comparable;
    expect(found(diffIndexes(one, other))).toEqual({ same: false });
  });

  describe('of one image', () => {
    const single = (descriptor: Descriptor): Comparable => ({ kind: 'manifest', descriptor });

    it('compares it with another', () => {
      expect(found(diffIndexes(single(amd64), single(amd64)))).toEqual({ same: true });
      const changes = diffIndexes(single(amd64), single(newAmd64));
      expect(changes).toMatchObject({
        same: false,
        before: { digest: amd64.digest, mediaType: OCI_MANIFEST },
        index: {},
        platforms: { changed: [{ before: amd64, after: newAmd64 }] },
      });
    });

    it('compares it with an index as its only entry', () => {
      expect(found(diffIndexes(single(amd64), indexOf([amd64, arm64])))).toEqual({
        same: false,
        index: { mediaType: { after: OCI_INDEX } },
        platforms: { ...NOTHING, added: [{ platform: arm64.platform, descriptor: arm64 }] },
      });
    });
  });
});
