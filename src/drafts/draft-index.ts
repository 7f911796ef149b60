import type { IndexDocument } from '../oci/document.js';
import type { ImageIndex } from '../oci/image-index.js';
import { DOCKER_LIST, OCI_INDEX, type MediaType } from '../oci/media-type.js';
import { parseDocument } from '../oci/parse.js';
import { createUncheckedIndexDocument, serialiseIndex } from '../oci/serialise.js';
import type { Draft } from './draft.js';
import { entryDescriptor } from './entry.js';

/**
 * Returns the index that a push of the draft publishes: the exact bytes of its source index if the draft has the same
 * content, else a new index. Entries keep their order, and equal drafts give equal bytes. It may be one that cannot be
 * published, see `draftProblems`.
 */
export function draftDocument(draft: Draft): IndexDocument {
  return publishedDocument(draft).document;
}

/** Builds the image index of a draft, whatever its source index. */
export function draftIndex(draft: Draft): ImageIndex {
  return assembledIndex(draft, indexMediaType(draft));
}

/** Reports whether {@link draftDocument} returns the bytes of the draft's source index. */
export function isKept(draft: Draft): boolean {
  return publishedDocument(draft).isKept;
}

interface PublishedDocument {
  readonly document: IndexDocument;
  /** Whether it has the bytes of the source index. */
  readonly isKept: boolean;
}

/** Made once for each draft, whose checks all need it: an edit makes another draft. */
const documents = new WeakMap<Draft, PublishedDocument>();

function publishedDocument(draft: Draft): PublishedDocument {
  const known = documents.get(draft);
  if (known !== undefined) return known;
  const assembled = createUncheckedIndexDocument(draftIndex(draft));
  const kept = keptIndex(draft, assembled);
  const made = { document: kept ?? assembled, isKept: kept !== undefined };
  documents.set(draft, made);
  return made;
}

/** Returns the draft's source index if it has the same content as the assembled one. */
function keptIndex({ index, target }: Draft, { mediaType, bytes }: IndexDocument): IndexDocument | undefined {
  if (index === undefined || index.mediaType !== mediaType) return undefined;
  const document = parseDocument(new TextEncoder().encode(index.text), {
    mediaType,
    digest: index.digest,
    label: `the source index in the draft ${target}`,
  });
  if (document.kind !== 'index') return undefined;
  // Compared in one form, whatever the form of the source.
  const source = serialiseIndex({ ...document.value, mediaType });
  return Buffer.compare(source, bytes) === 0 ? document : undefined;
}

function assembledIndex(
  { artifactType, subject, annotations, entries }: Draft,
  mediaType: MediaType,
): ImageIndex {
  return {
    schemaVersion: 2,
    mediaType,
    ...(artifactType !== undefined && { artifactType }),
    manifests: entries.map(entryDescriptor),
    ...(subject !== undefined && { subject }),
    ...(annotations !== undefined && { annotations }),
  };
}

/**
 * `auto` takes the type from the source index, else from the first entry, as docker does. An empty index is an OCI index,
 * since only the OCI specification allows one; so is an index in an image layout, where clients such as skopeo expect no
 * other type.
 */
function indexMediaType({ target, format, index, entries }: Draft): MediaType {
  if (format === 'docker') return DOCKER_LIST;
  if (format === 'oci' || isForLayout(target)) return OCI_INDEX;
  if (index !== undefined) return index.mediaType;
  const [first] = entries;
  const isOci = first === undefined || first.descriptor.mediaType.startsWith('application/vnd.oci.');
  return isOci ? OCI_INDEX : DOCKER_LIST;
}

/** Reports whether a draft's target is an image layout, in a directory or an archive. */
export function isForLayout(target: Draft['target']): boolean {
  return /^oci(?:-archive)?:/.test(target);
}

/** A member of a draft that a Docker manifest list cannot have. */
export type UnsupportedMember = 'annotations' | 'an artifact type' | 'a subject' | 'annotations of entries';

/**
 * Returns the members of a draft that its Docker manifest list cannot have; none if it is an OCI index, or if the bytes of
 * its source index are kept. Includes annotations that the user set, because docker clients ignore them in a manifest list.
 * Annotations of entries from a source index are allowed: BuildKit's attestations depend on them.
 */
export function unsupportedMembers(draft: Draft): readonly UnsupportedMember[] {
  if (indexMediaType(draft) !== DOCKER_LIST || isKept(draft)) return [];
  return [
    ...(draft.annotations === undefined ? [] : (['annotations'] as const)),
    ...(draft.artifactType === undefined ? [] : (['an artifact type'] as const)),
    ...(draft.subject === undefined ? [] : (['a subject'] as const)),
    ...(draft.entries.some(({ override }) => override?.annotations !== undefined)
      ? (['annotations of entries'] as const)
      : []),
  ];
}
