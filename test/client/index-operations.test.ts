import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { parseAssembly } from '../../src/assemble/assembly-file.js';
import { readSource } from '../../src/assemble/read-source.js';
import { MemoryStore } from '../../src/content/memory-store.js';
import { amendSource, createDraft, removeEntries, type NewEntry } from '../../src/drafts/edits.js';
import { draftIndex } from '../../src/drafts/draft-index.js';
import type { Descriptor } from '../../src/oci/descriptor.js';
import type { ImageIndex } from '../../src/oci/image-index.js';
import { DOCKER_LIST, OCI_INDEX } from '../../src/oci/media-type.js';
import { parseTag } from '../../src/oci/reference.js';
import { manifestOf } from '../contract/contract-content.js';
import { amd64, arm64, armv7, pair, attested as attestedPair } from '../support/images.js';
import type { MemoryRegistry } from '../support/memory-registry.js';
import { startRegistry } from '../support/open-repository.js';
import { storeContent } from '../support/stored.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { at, openMultiarch } from '../support/test-multiarch.js';
import { tinyImage, tinyIndex, writeLayout, type TinyImage, type TinyIndex } from '../support/tiny-image.mjs';
import { describeVectors, vectorJson } from '../support/vectors.js';

interface Vectors {
  readonly imagetools_end_to_end: readonly { readonly source: string; readonly rule: string }[];
  readonly oras_e2e_rules: readonly { readonly rule: string }[];
  readonly source_descriptor_file: readonly { readonly input: string }[];
  readonly digest_checks: readonly { readonly case: string }[];
  readonly list_conversion: readonly {
    readonly name: string;
    readonly source_type: string;
    readonly preferred?: string;
    readonly other_candidates?: readonly string[];
    readonly forced_to_oci?: { readonly preferred: string };
  }[];
}

/** What a row of the vectors asks for; or, where it is a text, why it is not for us, or not yet. */
type Checks = Readonly<Record<string, (() => Promise<void>) | string>>;

const LATEST = parseTag('latest');
const riscv64 = tinyImage({ architecture: 'riscv64' });
const ppc64le = tinyImage({ architecture: 'ppc64le' });

/** Runs or names every row, and holds that each is known here and nothing else is. */
function checkRows<T>(rows: readonly T[], name: (row: T) => string, checks: Checks): void {
  const keys = Object.keys(checks);
  const keyOf = (row: T): string | undefined => keys.find((key) => name(row).includes(key));

  it('has the rows that are known here', () => {
    expect(rows).toHaveLength(keys.length);
    expect(new Set(rows.map(keyOf))).toEqual(new Set(keys));
  });
  for (const row of rows) {
    const check = checks[keyOf(row) ?? ''];
    if (typeof check === 'function') it(name(row), check);
    else it.skip(`${name(row)} — ${check ?? 'unknown'}`, () => {});
  }
}

/** The index that is published there. */
function indexIn(registry: MemoryRegistry, path: string, tag: string): ImageIndex {
  const found = registry.manifest(path, tag);
  if (found === undefined) throw new Error(`${path}:${tag} is not there`);
  return JSON.parse(found.bytes.toString()) as ImageIndex;
}

/** Publishes an index of these contents, each under a tag of its own in another repository, and gives it. */
async function publishAll(contents: readonly (TinyImage | TinyIndex)[]): Promise<ImageIndex> {
  const registry = await startRegistry();
  for (const [position, content] of contents.entries()) registry.put('source', content, String(position));
  const multiarch = await openMultiarch();
  const sources = contents.map((_, position) => `${registry.host}/source:${position}`);
  await multiarch.createAndPush(`${registry.host}/app:1`, sources);
  return indexIn(registry, 'app', '1');
}

const digests = (manifests: readonly { readonly digest: string }[]): string[] =>
  manifests.map(({ digest }) => digest);
const ofImages = (images: readonly TinyImage[]): string[] => digests(images.map(({ manifest }) => manifest));

/** What a draft holds of a source. */
async function entriesOf(content: TinyImage | TinyIndex): Promise<NewEntry[]> {
  const store = new MemoryStore();
  await storeContent(store, content, 'latest');
  const { entries } = await readSource(store, LATEST, 'source');
  return entries.map(({ descriptor }) => ({ descriptor }));
}

describeVectors('index-ops.json', () => {
  const vectors = vectorJson<Vectors>('index-ops.json');

  describe('imagetools_end_to_end', () => {
    checkRows(vectors.imagetools_end_to_end, ({ source, rule }) => `${source}: ${rule}`, {
      testImagetoolsAppend: async () => {
        const registry = await startRegistry();
        registry.put('app', amd64, 'latest');
        registry.put('app', arm64, 'arm64');
        const list = `${registry.host}/app:latest`;

        await (await openMultiarch()).createAndPush(list, [list, `${registry.host}/app:arm64`]);

        const { manifests } = indexIn(registry, 'app', 'latest');
        expect(digests(manifests)).toEqual(ofImages([amd64, arm64]));
        expect(manifests.map(({ platform }) => platform)).toEqual([amd64.platform, arm64.platform]);
      },
      testImagetoolsFile: async () => {
        const registry = await startRegistry();
        registry.put('app', amd64);
        const { mediaType, digest, size } = amd64.manifest;
        const assembly = await parseAssembly(JSON.stringify({ mediaType, digest, size }), 'descriptor.json');
        const [list, copy] = [`${registry.host}/app:1`, `${registry.host}/copy:1`];
        const multiarch = await openMultiarch();

        await multiarch.createAndPush(list, assembly.images, { tags: [copy] });

        for (const path of ['app', 'copy']) {
          const { manifests } = indexIn(registry, path, '1');
          expect(manifests).toEqual([{ mediaType, digest, size, platform: amd64.platform }]);
          for (const blob of [amd64.config, ...amd64.layers]) {
            expect(registry.hasBlob(path, blob.digest)).toBe(true);
          }
        }
      },
      testImagetoolsAnnotation: async () => {
        const registry = await startRegistry();
        registry.put('source', pair, '1');
        const [list, copy] = [`${registry.host}/app:1`, `${registry.host}/copy:1`];
        const multiarch = await openMultiarch();

        await multiarch.create(list, [`${registry.host}/source:1`], {
          annotations: { about: 'all' },
          entryAnnotations: [
            { platform: { os: 'linux', architecture: 'amd64' }, annotations: { about: 'one' } },
          ],
        });
        await multiarch.push(list);
        await multiarch.createAndPush(copy, [list]);

        const published = indexIn(registry, 'app', '1');
        expect(published.annotations).toEqual({ about: 'all' });
        expect(published.manifests.map(({ annotations }) => annotations)).toEqual([
          { about: 'one' },
          undefined,
        ]);
        expect(indexIn(registry, 'copy', '1').manifests).toEqual(published.manifests);
      },
      // There is no --prefer-index: one source of `copy` is never made into an index of it.
      testImagetoolsCopyIndex: async () => {
        const [from, to] = [await startRegistry(), await startRegistry()];
        const multiarch = await openMultiarch();
        for (const mediaTypes of ['oci', 'docker'] as const) {
          const index = tinyIndex([armv7, amd64, arm64], { mediaTypes });
          from.put('app', index, mediaTypes);
          const [source, copy] = [`${from.host}/app:${mediaTypes}`, `${to.host}/copy:${mediaTypes}`];

          const { report } = await multiarch.copy(source, copy);

          const found = to.manifest('copy', mediaTypes);
          expect(found).toMatchObject({ mediaType: index.mediaType, digest: index.digest });
          expect(found?.bytes.equals(index.bytes)).toBe(true);
          expect(digests(indexIn(to, 'copy', mediaTypes).manifests)).toEqual(ofImages([armv7, amd64, arm64]));
          expect(report.digest).toBe(index.digest);
        }
      },
      testImagetoolsCreatePlatformFilter: async () => {
        const registry = await startRegistry();
        registry.put('source', attestedPair, '1');
        const [list, source] = [`${registry.host}/app:1`, `${registry.host}/source:1`];
        const options = { platforms: [{ os: 'linux', architecture: 'arm64' }] };
        const multiarch = await openMultiarch();

        const plan = await multiarch.planCreateAndPush(list, [source], options);
        const { publication } = await multiarch.createAndPush(list, [source], options);

        const [, image, , attestation] = digests(attestedPair.images.map(({ manifest }) => manifest));
        expect(digests(indexIn(registry, 'app', '1').manifests)).toEqual([image, attestation]);
        expect(plan.digest).toBe(publication.descriptor.digest);
      },
      'testImagetoolsMergeSources:': async () => {
        const { manifests } = await publishAll([pair, tinyIndex([riscv64, ppc64le]), armv7]);
        expect(digests(manifests)).toEqual(ofImages([amd64, arm64, riscv64, ppc64le, armv7]));
      },
      testImagetoolsMergeSourcesWithAttestations: async () => {
        const attested = (images: readonly TinyImage[]) => tinyIndex(images, { attestations: true });

        const { manifests } = await publishAll([
          attested([amd64, arm64]),
          attested([riscv64, ppc64le]),
          armv7,
        ]);

        expect(manifests).toHaveLength(9);
        const subjects = manifests.flatMap(
          ({ annotations }) => annotations?.['vnd.docker.reference.digest'] ?? [],
        );
        expect(subjects).toHaveLength(4);
        for (const subject of subjects) expect(digests(manifests)).toContain(subject);
      },
      testImagetoolsMergeSourcesWithFallbackAttestations: 'referrers come later',
    });
  });

  describe('oras_e2e_rules', () => {
    checkRows(vectors.oras_e2e_rules, ({ rule }) => rule, {
      'platform of each entry is read from the child config': async () => {
        const images = [armv7, amd64, arm64];
        const { manifests } = await publishAll(images);
        expect(digests(manifests)).toEqual(ofImages(images));
        expect(manifests.map(({ platform }) => platform)).toEqual(images.map(({ platform }) => platform));
      },
      'an index may be added as a child':
        'a source that is an index gives its images instead: clients do not look into an index within an index',
      // Where the config's media type says that it is one of an image, it has to be: see read-source.test.ts.
      'child with a non-JSON config': async () => {
        const store = new MemoryStore();
        const config = store.addBlob(Buffer.from('{ not JSON'), 'application/vnd.example.config');
        await store.writeManifest(manifestOf(config, []), { tag: LATEST });
        const { entries } = await readSource(store, LATEST, 'source');
        expect(entries.map(({ descriptor }) => descriptor.platform)).toEqual([undefined]);
      },
      'the last --artifact-type wins': 'the artifact type of an index is not an option of any command',
      'update --add A --merge INDEX --remove D': async () => {
        const [index01, index02] = [await entriesOf(amd64), await entriesOf(tinyIndex([arm64]))];
        const created = amendSource(
          createDraft(at('example.com/app:1')),
          at('example.com/app:amd64'),
          index01,
        );
        const added = amendSource(created, at('example.com/app:armv7'), await entriesOf(armv7));
        const merged = amendSource(added, at('example.com/app:index02'), index02);
        const { manifests } = draftIndex(removeEntries(merged, [amd64.manifest.digest]));
        expect(digests(manifests)).toEqual(ofImages([armv7, arm64]));
      },
      'update with no flags': 'there is no update: amending by nothing leaves the draft as it is',
      '--tag together with --output': 'an index is written to a layout by naming it, so there is no --output',
    });
  });

  describe('source_descriptor_file', () => {
    // What is read of it, see assemble/descriptor-file.test.ts.
    it.each(vectors.source_descriptor_file)('$input: in the repository of the list', async ({ input }) => {
      const registry = await startRegistry();
      const { images } = await parseAssembly(input, 'descriptor.json');
      const created = (await openMultiarch()).create(`${registry.host}/app:1`, images);
      await expect(created).rejects.toThrow(`${registry.host}/app@sha256:${'0'.repeat(64)}`);
    });
  });

  describe('digest_checks', () => {
    checkRows(vectors.digest_checks, (row) => row.case, {
      'digest in the reference differs from body': 'see oci/index-operations.test.ts',
      'target given as @sha256:': async () => {
        const registry = await startRegistry();
        registry.put('app', amd64, 'amd64');
        const list = `${registry.host}/app@${amd64.manifest.digest}`;
        const multiarch = await openMultiarch();
        await multiarch.create(list, [`${registry.host}/app:amd64`]);
        await expect(multiarch.push(list)).rejects.toThrow('makes an index with the digest');
      },
    });
  });

  describe('list_conversion', () => {
    /** An index of that type becomes one of this type by the draft's format, and loses nothing. */
    const expectConversion = async (from: string, format: 'auto' | 'oci', to: string): Promise<void> => {
      const mediaTypes = from === DOCKER_LIST ? 'docker' : 'oci';
      const images = (['amd64', 'arm64'] as const).map((architecture) =>
        tinyImage({ architecture, mediaTypes }),
      );
      const index = tinyIndex(images, { mediaTypes });
      expect(index.mediaType).toBe(from);
      const draft = amendSource(createDraft(at('a:1'), { format }), at('b:1'), await entriesOf(index));
      const made = draftIndex(draft);
      const { manifests } = JSON.parse(Buffer.from(index.bytes).toString()) as { manifests: Descriptor[] };
      expect(made.mediaType).toBe(to);
      expect(made.manifests).toEqual(manifests);
    };
    const convert = (name: string) => async () => {
      const row = vectors.list_conversion.find((each) => each.name === name);
      const { source_type = '', preferred = '', forced_to_oci } = row ?? {};
      await expectConversion(source_type, 'auto', preferred);
      await expectConversion(source_type, 'oci', forced_to_oci?.preferred ?? '');
    };
    checkRows(vectors.list_conversion, ({ name }) => name, {
      'OCI→anything': convert('OCI→anything'),
      's2→s1s2OCI': convert('s2→s1s2OCI'),
      'OCI→s1s2OCI': convert('OCI→s1s2OCI'),
      // Also where the bytes come from a layout that lists them under such a type.
      'special→OCI': async () => {
        const layout = join(await temporaryDirectory(), 'layout');
        const unrecognized = { ...tinyIndex([amd64]), mediaType: 'unrecognized' };
        await writeLayout(layout, unrecognized, '1');
        const created = (await openMultiarch()).create('example.com/app:1', [`oci:${layout}:1`]);
        await expect(created).rejects.toThrow('unrecognized');
      },
      'destination supports only schema1': async () => {
        const formats = [OCI_INDEX, DOCKER_LIST];
        for (const content of [amd64, tinyImage({ architecture: 'amd64', mediaTypes: 'docker' })]) {
          const draft = amendSource(createDraft(at('a:1')), at('b:1'), await entriesOf(content));
          expect(formats).toContain(draftIndex(draft).mediaType);
        }
      },
    });
  });
});
