import type { Draft, Entry } from '../../src/drafts/draft.js';
import { addEntries, createDraft, type DraftOptions, type ReadEntry } from '../../src/drafts/edits.js';
import type { Descriptor } from '../../src/oci/descriptor.js';
import { digestOf, type Digest } from '../../src/oci/digest.js';
import { parseImageLocation, type ImageLocation } from '../../src/oci/image-location.js';
import { OCI_MANIFEST } from '../../src/oci/media-type.js';
import { parsePlatform } from '../../src/oci/platform.js';
import { REFERENCE_DIGEST, REFERENCE_TYPE } from '../../src/oci/attestation.js';

/** A location as a user writes it. */
export const at = (text: string): ImageLocation => parseImageLocation(text);

/** A digest that is always the same for the same word. */
export const digest = (word: string): Digest => digestOf(new TextEncoder().encode(word));

/** What a source of one image gives. Another word is another image. */
export function image(word: string, platform?: string, changes: Partial<Descriptor> = {}): ReadEntry {
  const manifest = `{"made for":"${word}"}`;
  return {
    descriptor: {
      mediaType: OCI_MANIFEST,
      digest: digest(word),
      size: manifest.length,
      ...(platform !== undefined && { platform: parsePlatform(platform) }),
      ...changes,
    },
    manifest,
  };
}

/** BuildKit's statement about the image of that word. */
export function attestation(about: string): ReadEntry {
  const annotations = { [REFERENCE_TYPE]: 'attestation-manifest', [REFERENCE_DIGEST]: digest(about) };
  return image(`about ${about}`, 'unknown/unknown', { annotations });
}

/** A draft of `example.com/app:1` with what each source gives, in this order. */
export function draftOf(
  sources: Readonly<Record<string, readonly ReadEntry[]>>,
  options?: DraftOptions,
): Draft {
  return Object.entries(sources).reduce(
    (draft, [source, entries]) => addEntries(draft, at(source), entries),
    createDraft(at('example.com/app:1'), options),
  );
}

/** The entries as the words that they were made from, in order. */
export function words({ entries }: Pick<Draft, 'entries'>): (string | undefined)[] {
  return entries.map(({ manifest }) => /^\{"made for":"(.*)"\}$/.exec(manifest ?? '')?.[1]);
}

/** The entry that was made from this word. */
export function entryOf(draft: Draft, word: string): Entry {
  const entry = draft.entries.find(({ descriptor }) => descriptor.digest === digest(word));
  if (entry === undefined) throw new Error(`the draft has no entry made from ${word}`);
  return entry;
}
