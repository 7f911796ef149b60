import { readdir } from 'node:fs/promises';

import { beforeEach, describe, expect, it } from 'vitest';

import { annotateEntry } from '../../src/drafts/annotate.js';
import type { Draft } from '../../src/drafts/draft.js';
import { draftIndex } from '../../src/drafts/draft-index.js';
import { entryDescriptor } from '../../src/drafts/entry.js';
import { addEntries, createDraft, removeEntries } from '../../src/drafts/edits.js';
import { DraftStore } from '../../src/drafts/store.js';
import type { Descriptor } from '../../src/oci/descriptor.js';
import type { Digest } from '../../src/oci/digest.js';
import { ArgumentError, NotFoundError } from '../../src/oci/errors.js';
import { DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX } from '../../src/oci/media-type.js';
import { at, digest, draftOf, image } from '../support/drafts.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { describeVectors, vectorJson } from '../support/vectors.js';

interface EditStep {
  readonly update?: { readonly old_digest: string };
  readonly expected_artifactType?: string;
  readonly delete_index?: number;
  readonly error?: string;
  readonly add?: readonly { readonly digest: Digest; readonly size: number }[];
}

interface Vectors {
  readonly edit_sequences: readonly { readonly fixture: string; readonly steps: readonly EditStep[] }[];
  readonly draft_store: readonly { readonly rule: string }[];
  readonly platform_field_rules: readonly { readonly rule: string }[];
}

/** A draft with the entries of an index from the vectors, as one source gives them. */
function draftFrom(fixture: string, format: Draft['format'] = 'auto'): Draft {
  const { manifests } = vectorJson<{ readonly manifests: readonly Descriptor[] }>(fixture);
  const entries = manifests.map((descriptor) => ({ descriptor }));
  return addEntries(createDraft(at('example.com/app:1'), { format }), at('example.com/source:1'), entries);
}

const digests = (draft: Draft): Digest[] => draft.entries.map(({ descriptor }) => descriptor.digest);

describeVectors('operations on indexes', () => {
  const vectors = vectorJson<Vectors>('index-ops.json');

  describe('edit_sequences', () => {
    const cases = vectors.edit_sequences.flatMap(({ fixture, steps }) =>
      steps.flatMap((step) => fixture.split(' and ').map((file) => ({ file, step }))),
    );

    it('are all known here', () => {
      expect(cases).toHaveLength(1 + 4 + 1);
      expect(cases.every(({ step }) => step.update ?? step.add ?? step.delete_index !== undefined)).toBe(
        true,
      );
    });

    // No edit of a draft changes the digest of an entry: another digest comes with a new descriptor from the source. Every
    // edit keeps artifactType.
    it.each(cases.filter(({ step }) => step.update !== undefined))(
      'an edit keeps artifactType in $file',
      ({ file, step }) => {
        const selector = step.update?.old_digest ?? '';
        const edited = annotateEntry(draftFrom(file), selector, { variant: 'v8', annotations: { a: 'b' } });
        const entry = edited.entries.find(({ descriptor }) => descriptor.digest === selector);
        expect(entry === undefined ? entry : entryDescriptor(entry)).toMatchObject({
          artifactType: step.expected_artifactType,
          platform: { variant: 'v8' },
        });
      },
    );

    // Entries are removed by name, not by number, so a missing entry is a missing digest.
    it.each(cases.filter(({ step }) => step.delete_index !== undefined))(
      'entry $step.delete_index is taken out of $file',
      ({ file, step }) => {
        const draft = draftFrom(file);
        const selector = digests(draft)[step.delete_index ?? 0] ?? digest('not there');
        if (step.error === undefined) {
          expect(digests(removeEntries(draft, [selector]))).toEqual(digests(draft).slice(1));
        } else {
          expect(() => removeEntries(draft, [selector])).toThrow(NotFoundError);
        }
      },
    );

    it.each(cases.filter(({ step }) => step.add !== undefined))(
      'entries are added to $file',
      ({ file, step }) => {
        const draft = draftFrom(file);
        const added = (step.add ?? []).map((each) => ({
          descriptor: { mediaType: DOCKER_MANIFEST, ...each },
        }));
        expect(digests(addEntries(draft, at('example.com/more:1'), added))).toEqual([
          ...digests(draft),
          ...added.map(({ descriptor }) => descriptor.digest),
        ]);
      },
    );
  });

  describe('platform_field_rules', () => {
    it('are all known here', () => {
      expect(vectors.platform_field_rules).toHaveLength(1);
    });

    // fedora.list is not among the vectors; the list that is made here is used instead.
    it.each([
      ['docker', DOCKER_LIST, 'oci', OCI_INDEX],
      ['oci', OCI_INDEX, 'docker', DOCKER_LIST],
    ] as const)('an index becomes one for %s and back without loss', (there, thereType, back, backType) => {
      const draft = draftFrom('fixtures/podman-fedora-index.json', there);
      const index = draftIndex(draft);
      expect(index.mediaType).toBe(thereType);
      const entries = index.manifests.map((descriptor) => ({ descriptor }));
      const again = draftIndex(
        addEntries(createDraft(at('example.com/app:2'), { format: back }), at('example.com/app:1'), entries),
      );
      expect(again.mediaType).toBe(backType);
      expect(again.manifests).toEqual(draft.entries.map(({ descriptor }) => descriptor));
      expect(again.manifests.length).toBeGreaterThan(1);
    });
  });

  describe('draft_store', () => {
    let directory: string;
    let store: DraftStore;
    beforeEach(async () => {
      directory = await temporaryDirectory();
      store = new DraftStore(directory);
    });

    const first = at('example.com/first:1');
    const second = at('example.com/second:1');
    const save = (target: typeof first): Promise<Draft> => store.update(target, () => createDraft(target));

    /** What each row asks, by the beginning of its text. */
    const checks: Readonly<Record<string, () => Promise<void>>> = {
      'save under (list, manifest)': async () => {
        const draft = draftOf({ 'example.com/alpine:3.0': [image('alpine', 'linux/amd64')] });
        await store.update(at(draft.target), () => draft);
        expect(await store.load(at(draft.target))).toEqual(draft);
        await expect(store.load(first)).rejects.toThrow('No such manifest: example.com/first:1');
        // One image of a list is an entry, and the message for a missing one is that of annotate.
        expect(() => annotateEntry(draft, 'example.com/alpine:3.1', {})).toThrow(NotFoundError);
      },
      'Remove(list) leaves an empty store directory': async () => {
        await save(first);
        await store.remove(first);
        expect(await readdir(directory)).toEqual([]);
      },
      // Its error is that of reading a source, which is no part of a draft. What is a draft's: it is not made.
      'create with an unresolvable image': async () => {
        const create = store.update(first, () => {
          throw new NotFoundError('No such image: example.com/alpine:3.0');
        });
        await expect(create).rejects.toThrow('No such image');
        expect(await store.find(first)).toBeUndefined();
      },
      // Rejected before the store is read: a target is a location. The messages are those of references.
      'invalid list name': async () => {
        expect(() => at('Not A List')).toThrow(ArgumentError);
        await Promise.resolve();
      },
      'rm of several lists removes all': async () => {
        await save(second);
        const [one, other] = await Promise.allSettled([store.remove(first), store.remove(second)]);
        expect(one).toMatchObject({ reason: { message: 'No such manifest: example.com/first:1' } });
        expect(other.status).toBe('fulfilled');
        expect(await store.list()).toMatchObject({ drafts: [], damaged: [] });
      },
    };

    it('are all known here', () => {
      expect(vectors.draft_store).toHaveLength(Object.keys(checks).length);
    });

    it.each(vectors.draft_store)('$rule', async ({ rule }) => {
      const check = Object.entries(checks).find(([start]) => rule.startsWith(start));
      if (check === undefined) throw new Error('a row that is not known here');
      await check[1]();
    });
  });
});
