import type { Descriptor } from './descriptor.js';
import type { Digest } from './digest.js';
import type { ManifestOrIndex, IndexDocument } from './document.js';
import { InvalidError } from './errors.js';
import { isJsonObject, parseJson } from './json.js';
import { OCI_INDEX } from './media-type.js';
import { parseDocument } from './parse.js';
import { isTag, parseTag, type Tag } from './reference.js';

/** How much of a digest the tag of its referrers holds, in characters: a tag has 128 at most, a sha512 digest is longer. */
const ALGORITHM_LENGTH = 32;
const ENCODED_LENGTH = 64;

const REFERRERS_TAG = /^sha(?:256|512)-[0-9a-f]{64}$/;
const COSIGN_TAG = /^sha256-[0-9a-f]{64}\.(?:sig|att|sbom)$/;

/** What cosign puts beside an image. */
type CosignKind = 'signature' | 'attestation' | 'sbom';

const COSIGN_SUFFIXES: readonly (readonly [CosignKind, string])[] = [
  ['signature', 'sig'],
  ['attestation', 'att'],
  ['sbom', 'sbom'],
];

/** A tag by which cosign finds what it put beside an image. */
export interface CosignTag {
  readonly kind: CosignKind;
  readonly tag: Tag;
}

/**
 * The tag that stands in for a registry's list of referrers: `sha256-` and the digits of the subject's digest, of which
 * 64 at most are taken (distribution-spec, "Referrers Tag Schema").
 */
export function referrersTag(subject: Digest): Tag {
  const { algorithm, encoded } = partsOf(subject);
  const name = `${algorithm.slice(0, ALGORITHM_LENGTH)}-${encoded.slice(0, ENCODED_LENGTH)}`;
  return parseTag(name.replaceAll(/[^\w.-]/g, '-'));
}

/** The tags of cosign for a digest, in the order in which people name them. None for one that is too long for a tag. */
export function cosignTags(subject: Digest): readonly CosignTag[] {
  const { algorithm, encoded } = partsOf(subject);
  return COSIGN_SUFFIXES.flatMap(([kind, suffix]) => {
    const tag = `${algorithm}-${encoded}.${suffix}`;
    return isTag(tag) ? [{ kind, tag }] : [];
  });
}

/** Whether a name is one of these tags, so that what it stands for is not an image but speaks of one. */
export function isReferrersTag(name: string): boolean {
  return REFERRERS_TAG.test(name) || COSIGN_TAG.test(name);
}

/**
 * What a list of referrers says of a document (distribution-spec, "Pushing Manifests with Subject"): the artifact type of
 * a manifest that states none is the media type of its config, and the annotations are the document's own.
 */
export function referrerDescriptor(document: ManifestOrIndex): Descriptor {
  const { mediaType, digest, bytes } = document;
  const { annotations = {} } = document.value;
  const artifactType =
    document.value.artifactType ??
    (document.kind === 'manifest' ? document.value.config.mediaType : undefined);
  return {
    mediaType,
    digest,
    size: bytes.length,
    ...(Object.keys(annotations).length > 0 && { annotations }),
    ...(artifactType !== undefined && { artifactType }),
  };
}

/**
 * A list of referrers with one more: after the last whose digest is smaller, so that the list is the same in whatever order
 * it came about. All that it held stays, in its order, also what is unknown here.
 *
 * @param list undefined where there is none yet
 * @returns the same list where it has the referrer already
 */
export function addReferrer(list: IndexDocument | undefined, referrer: Descriptor): IndexDocument {
  const known = list?.value.manifests ?? [];
  if (list !== undefined && known.some(({ digest }) => digest === referrer.digest)) return list;
  // Read again, since a document's value holds what is known only.
  const json = list === undefined ? undefined : parseJson(list.bytes);
  const members = isJsonObject(json) ? json : { schemaVersion: 2, mediaType: OCI_INDEX };
  const manifests: readonly unknown[] = Array.isArray(members['manifests']) ? members['manifests'] : [];
  const at = known.findLastIndex(({ digest }) => digest < referrer.digest) + 1;
  const bytes = Buffer.from(JSON.stringify({ ...members, manifests: manifests.toSpliced(at, 0, referrer) }));
  return asReferrersList(parseDocument(bytes, { mediaType: OCI_INDEX }), 'the new list of referrers');
}

/**
 * A document that is to be a list of referrers.
 * @param name what messages call it
 * @throws InvalidError where it is something else
 */
export function asReferrersList(document: ManifestOrIndex, name: string): IndexDocument {
  if (document.kind === 'index' && document.mediaType === OCI_INDEX) return document;
  throw new InvalidError(
    `${name} should be a list of referrers, but is of media type ${document.mediaType}`,
    {
      hint: 'Such a tag is kept for signatures, SBOMs and the like: give what it holds another tag, and delete this one.',
    },
  );
}

function partsOf(digest: Digest): { readonly algorithm: string; readonly encoded: string } {
  const colon = digest.indexOf(':');
  return { algorithm: digest.slice(0, colon), encoded: digest.slice(colon + 1) };
}
