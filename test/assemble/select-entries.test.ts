import { describe, expect, it } from 'vitest';

import { readSource, type SourceEntry } from '../../src/assemble/read-source.js';
import {
  checkSelected,
  imageFor,
  selectEntries,
  type EntrySelection,
} from '../../src/assemble/select-entries.js';
import { MemoryStore } from '../../src/content/memory-store.js';
import { RequirementError } from '../../src/oci/errors.js';
import { parseTag } from '../../src/oci/reference.js';
import { parsePlatform } from '../../src/oci/platform.js';
import { parsePlatformList } from '../../src/oci/required-platforms.js';
import { attestation, digest, image } from '../support/drafts.js';
import { storeContent } from '../support/stored.js';
import { tinyImage, tinyIndex } from '../support/tiny-image.mjs';
import { describeVectors, vectorJson } from '../support/vectors.js';

const LABELS = ['amd64', 'arm64', 'armv7', 'chart', 'gone'];
const NAMES = new Map<string, string>(
  LABELS.flatMap((label) => [label, `about ${label}`].map((name) => [digest(name), name])),
);

const entry = ({ descriptor }: SourceEntry): SourceEntry => ({ descriptor });
const amd64 = entry(image('amd64', 'linux/amd64'));
const arm64 = entry(image('arm64', 'linux/arm64/v8'));
const armv7 = entry(image('armv7', 'linux/arm/v7'));
const chart = entry(image('chart', undefined, { artifactType: 'application/vnd.example.chart' }));
const about = (label: string): SourceEntry => entry(attestation(label));

const ALL = [about('arm64'), amd64, arm64, chart, about('amd64'), armv7, about('gone')];

const select = (selection: EntrySelection, entries = ALL): (string | undefined)[] =>
  selectEntries(entries, selection).map(({ descriptor }) => NAMES.get(descriptor.digest));

describe('selectEntries', () => {
  it.each<[selection: EntrySelection, kept: string[]]>([
    [{}, ['about arm64', 'amd64', 'arm64', 'chart', 'about amd64', 'armv7', 'about gone']],
    [{ platforms: [] }, ['about arm64', 'amd64', 'arm64', 'chart', 'about amd64', 'armv7', 'about gone']],
    [{ attestations: 'drop' }, ['amd64', 'arm64', 'chart', 'armv7']],
    [{ platforms: parsePlatformList(['linux/arm64']) }, ['about arm64', 'arm64']],
    [
      { platforms: parsePlatformList(['linux/arm64', 'linux/amd64']) },
      ['about arm64', 'amd64', 'arm64', 'about amd64'],
    ],
    [{ platforms: parsePlatformList(['linux/arm64']), attestations: 'drop' }, ['arm64']],
    [{ platforms: parsePlatformList(['linux/arm']) }, ['armv7']],
    [{ platforms: parsePlatformList(['linux/386']) }, []],
  ])('with %j keeps %j', (selection, kept) => {
    expect(select(selection)).toEqual(kept);
  });

  it('selects an attestation by its image, not by its own platform', () => {
    const claims = attestation('amd64').descriptor;
    const claiming = { descriptor: { ...claims, platform: { os: 'linux', architecture: 'arm64' } } };
    const entries = [amd64, arm64, claiming];
    expect(select({ platforms: parsePlatformList(['linux/arm64']) }, entries)).toEqual(['arm64']);
    expect(select({ platforms: parsePlatformList(['linux/amd64']) }, entries)).toEqual([
      'amd64',
      'about amd64',
    ]);
  });

  it('keeps every image of a platform', () => {
    const windows = ['10.0.17763.1', '10.0.20348.2'].map((version) =>
      entry(image(version, `windows(${version})/amd64`)),
    );
    const platforms = parsePlatformList(['windows/amd64']);
    expect(selectEntries([amd64, ...windows], { platforms })).toEqual(windows);
  });
});

describe('imageFor', () => {
  const windows = (version: string): SourceEntry => entry(image(version, `windows(${version})/amd64`));
  const gpu = entry(image('gpu', 'linux(+gpu)/amd64'));

  it.each([
    ['the only one', 'linux/arm64', [amd64, arm64], arm64],
    ['the first of equal ones', 'linux/amd64', [amd64, entry(image('again', 'linux/amd64'))], amd64],
    ['the latest version', 'windows/amd64', [windows('10.0.17763.1'), windows('10.0.20348.1')], 0],
    ['one without further features', 'linux/amd64', [gpu, amd64], amd64],
    ['one with further features', 'linux/amd64', [gpu], gpu],
    ['no compatible one', 'linux/amd64', [entry(image('386', 'linux/386'))], undefined],
    ['none without a platform', 'linux/amd64', [chart], undefined],
  ])('returns %s', (_what, platform, images, expected) => {
    const wanted = typeof expected === 'number' ? images[expected] : expected;
    expect(imageFor(parsePlatform(platform), images)).toBe(wanted);
  });
});

describe('checkSelected', () => {
  const platforms = parsePlatformList(['linux/arm64,linux/s390x,linux/riscv64']);

  it('accepts platforms that any source has', () => {
    expect(checkSelected(parsePlatformList(['linux/arm64', 'linux/arm']), ALL, 'app:1')).toBeUndefined();
  });

  it('lists the missing and the present platforms', () => {
    const check = (): void => checkSelected(platforms, ALL, 'app:1');
    expect(check).toThrow(RequirementError);
    expect(check).toThrow(
      expect.objectContaining({
        message: 'no source of app:1 has an image for linux/s390x, linux/riscv64',
        hint: 'They have linux/amd64, linux/arm64/v8, linux/arm/v7.',
      }),
    );
  });

  it('ignores the platform of an attestation', () => {
    const { descriptor } = attestation('amd64');
    const claims = { descriptor: { ...descriptor, platform: { os: 'linux', architecture: 's390x' } } };
    const check = (): void => checkSelected(parsePlatformList(['linux/s390x']), [claims], 'app:1');
    expect(check).toThrow(expect.objectContaining({ hint: 'They have no platforms.' }));
  });
});

describeVectors('imagetools_end_to_end', () => {
  const { imagetools_end_to_end: rows } = vectorJson<{
    readonly imagetools_end_to_end: readonly { readonly source: string; readonly rule: string }[];
  }>('index-ops.json');
  const filtering = rows.filter(({ rule }) => rule.includes('filter'));

  it('has one row about filtering', () => {
    expect(filtering.map(({ source }) => source)).toEqual([
      'tests/imagetools.go testImagetoolsCreatePlatformFilter',
    ]);
  });

  it.each(filtering)('$rule', async () => {
    const wanted = tinyImage({ architecture: 'arm64' });
    const index = tinyIndex([tinyImage({ architecture: 'amd64' }), wanted], { attestations: true });
    const store = new MemoryStore();
    await storeContent(store, index, 'latest');
    const { entries } = await readSource(store, parseTag('latest'), 'source');
    expect(entries).toHaveLength(4);

    const selected = selectEntries(entries, { platforms: parsePlatformList(['linux/arm64']) });

    const own = index.images.filter(
      ({ annotations }) => annotations?.['vnd.docker.reference.digest'] === wanted.manifest.digest,
    );
    expect(own).toHaveLength(1);
    expect(selected.map(({ descriptor }) => descriptor.digest)).toEqual(
      [wanted, ...own].map(({ manifest }) => manifest.digest),
    );
  });
});
