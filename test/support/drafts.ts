import type { Draft, Entry } from '../../src/drafts/draft.js';
import { addEntries, createDraft, type DraftOptions, type NewEntry } from '../../src/drafts/edits.js';
import type { Descriptor } from '../../src/oci/descriptor.js';
import { digestOf, type Digest } from '../../src/oci/digest.js';
import { parseImageLocation, type ImageLocation } from '../../src/oci/image-location.js';
import { OCI_MANIFEST } from '../../src/oci/media-type.js';
import { parsePlatform } from '../../src/oci/platform.js';
import { REFERENCE_DIGEST, REFERENCE_TYPE } from '../../src/oci/attestation.js';

/** A location as a user writes it. */
export const at = (text: string): ImageLocation => parseImageLocation(text);

/** The digest for a label. */
export const digest = (label: string): Digest => digestOf(new TextEncoder().encode(label));

/** The entry of a source with one image. Each label makes a different image. */
export function image(label: string, platform?: string, changes: Partial<Descriptor> = {}): NewEntry {
  const manifest = `{"made for":"${label}"}`;
  return {
    descriptor: {
      mediaType: OCI_MANIFEST,
      digest: digest(label),
      size: manifest.length,
      ...(platform !== undefined && { platform: parsePlatform(platform) }),
      ...changes,
    },
    manifest,
  };
}

/** BuildKit’s attestation of the image with this label. */
export function attestation(about: string): NewEntry {
  const annotations = { [REFERENCE_TYPE]: 'attestation-manifest', [REFERENCE_DIGEST]: digest(about) };
  return image(`about ${about}`, 'unknown/unknown', { annotations });
}

/** A draft of `example.com/app:1` with the entries of each source, in this order. */
export function draftOf(
  sources: Readonly<Record<string, readonly NewEntry[]>>,
  options?: DraftOptions,
): Draft {
  return Object.entries(sources).reduce(
    (draft, [source, entries]) => addEntries(draft, at(source), entries),
    createDraft(at('example.com/app:1'), options),
  );
}

/** The labels of the entries, in order. */
export function labels({ entries }: Pick<Draft, 'entries'>): (string | undefined)[] {
  return entries.map(({ manifest }) => /^\{"made for":"(.*)"\}$/.exec(manifest ?? '')?.[1]);
}

/** The entry with this label. */
export function entryOf(draft: Draft, label: string): Entry {
  const entry = draft.entries.find(({ descriptor }) => descriptor.digest === digest(label));
  if (entry === undefined) throw new Error(`the draft has no entry made from ${label}`);
  return entry;
}
