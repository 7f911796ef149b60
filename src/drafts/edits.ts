import { type Annotations, type Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import { formatImageLocation, type ImageLocation } from '../oci/image-location.js';
import type { MediaType } from '../oci/media-type.js';
import { samePlatform, type LoosePlatform } from '../oci/platform.js';
import type { Draft, Entry } from './draft.js';
import { entryDescriptor } from './entry-descriptor.js';
import { findEntries } from './selection.js';
import { attestedDigest, isAttestation } from '../oci/attestation.js';

export interface DraftOptions {
  /** @default 'auto' */
  readonly format?: Draft['format'] | undefined;
  readonly artifactType?: MediaType | undefined;
  readonly subject?: Descriptor | undefined;
  readonly annotations?: Annotations | undefined;
  readonly base?: Digest | undefined;
}

/** What a source gave: an entry before it is in a draft. */
export type ReadEntry = Pick<Entry, 'descriptor' | 'manifest'>;

export interface AmendOptions {
  /** Entries of other sources for the same platforms give way, with the statements about them. @default false */
  readonly replace?: boolean | undefined;
}

/** A draft without entries. */
export function createDraft(target: ImageLocation, options: DraftOptions = {}): Draft {
  const { format = 'auto', artifactType, subject, annotations, base } = options;
  return {
    version: 1,
    target: formatImageLocation(target),
    format,
    ...(artifactType !== undefined && { artifactType }),
    ...(subject !== undefined && { subject }),
    ...(annotations !== undefined && Object.keys(annotations).length > 0 && { annotations }),
    ...(base !== undefined && { base }),
    entries: [],
  };
}

/** Adds what a source gave at the end, in the order given. */
export function addEntries(draft: Draft, source: ImageLocation, entries: readonly ReadEntry[]): Draft {
  const name = formatImageLocation(source);
  return { ...draft, entries: [...draft.entries, ...entries.map((entry) => newEntry(name, entry))] };
}

/**
 * Takes in what a source gives now. A source that is in the draft already is refreshed where its first entry stands:
 * what it gave before goes, and what `annotate` changed stays with the same image. Of a source of one image that is
 * the image it gives now; of several images the one of the same digest, else of the same platform.
 * A source that is new is added at the end.
 */
export function amendSource(
  draft: Draft,
  source: ImageLocation,
  entries: readonly ReadEntry[],
  options: AmendOptions = {},
): Draft {
  const name = formatImageLocation(source);
  const amended = options.replace === true ? withoutPlatformsOf(draft, name, entries) : draft;
  const old = amended.entries.filter((entry) => entry.source === name);
  const [first] = old;
  if (first === undefined) return addEntries(amended, source, entries);
  const refreshed = refresh(name, old, entries);
  return {
    ...amended,
    entries: amended.entries.flatMap((entry) => {
      if (entry === first) return refreshed;
      return entry.source === name ? [] : [entry];
    }),
  };
}

/**
 * Takes out all entries that the selectors stand for (see `findEntries`). An image goes together with the statements
 * about it. Where one selector stands for nothing, nothing is taken out.
 *
 * @throws NotFoundError, ArgumentError
 */
export function removeEntries(draft: Draft, selectors: readonly string[]): Draft {
  return withoutEntries(draft, new Set(selectors.flatMap((selector) => findEntries(draft, selector))));
}

/** Takes entries of the draft out, and the statements about images that are in the draft no more. */
function withoutEntries(draft: Draft, gone: ReadonlySet<Entry>): Draft {
  const kept = draft.entries.filter((entry) => !gone.has(entry));
  const lost = new Set<string>([...gone].map((entry) => entry.descriptor.digest));
  for (const entry of kept) lost.delete(entry.descriptor.digest);
  return {
    ...draft,
    entries: kept.filter(
      (entry) => !isAttestation(entry.descriptor) || !lost.has(attestedDigest(entry.descriptor) ?? ''),
    ),
  };
}

function newEntry(source: string, { descriptor, manifest }: ReadEntry): Entry {
  return { source, descriptor, ...(manifest !== undefined && { manifest }) };
}

function withoutPlatformsOf(draft: Draft, source: string, entries: readonly ReadEntry[]): Draft {
  const images = entries
    .map((entry) => newEntry(source, entry))
    .filter((entry) => !isAttestation(entry.descriptor));
  const gone = draft.entries.filter(
    (old) =>
      old.source !== source &&
      !isAttestation(old.descriptor) &&
      images.some((image) => isSame(entryDescriptor(old).platform, image.descriptor.platform)),
  );
  return withoutEntries(draft, new Set(gone));
}

function refresh(source: string, old: readonly Entry[], entries: readonly ReadEntry[]): Entry[] {
  const fresh = entries.map((entry) => newEntry(source, entry));
  const oldImages = old.filter((entry) => !isAttestation(entry.descriptor));
  const freshImages = fresh.filter((entry) => !isAttestation(entry.descriptor));
  const [onlyOld] = oldImages;
  const [onlyFresh] = freshImages;
  const isOneImage = oldImages.length === 1 && freshImages.length === 1;

  return fresh.map((entry) => {
    const before =
      isOneImage && entry === onlyFresh
        ? onlyOld
        : (old.find(({ descriptor }) => descriptor.digest === entry.descriptor.digest) ??
          oldImages.find(
            ({ descriptor }) =>
              !isAttestation(entry.descriptor) && isSame(descriptor.platform, entry.descriptor.platform),
          ));
    return before?.override === undefined ? entry : { ...entry, override: before.override };
  });
}

function isSame(a: LoosePlatform | undefined, b: LoosePlatform | undefined): boolean {
  return a !== undefined && b !== undefined && samePlatform(a, b);
}
