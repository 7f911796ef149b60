import type { Descriptor } from './descriptor.js';
import { digestAlgorithm, digestOf, type Digest } from './digest.js';
import type { ManifestOrIndex, IndexDocument } from './document.js';
import { InvalidError } from './errors.js';
import { isJsonObject, parseJson } from './json.js';
import { withoutNullMembers } from './null-members.js';
import { OCI_INDEX } from './media-type.js';
import { parseDocument } from './parse.js';
import { isTag, parseTag, type Tag } from './reference.js';

/** The parts of a digest in its referrers tag, in characters: a tag has at most 128, and a sha512 digest more. */
const ALGORITHM_LENGTH = 32;
const ENCODED_LENGTH = 64;

const REFERRERS_TAG = /^sha(?:256|512)-[0-9a-f]{64}$/;
const COSIGN_TAG = /^sha256-[0-9a-f]{64}\.(?:sig|att|sbom)$/;

/** What cosign attaches to an image. */
export type CosignKind = 'signature' | 'attestation' | 'sbom';

const COSIGN_SUFFIXES: readonly (readonly [CosignKind, string])[] = [
  ['signature', 'sig'],
  ['attestation', 'att'],
  ['sbom', 'sbom'],
];

/** A tag that cosign attaches content to an image with. */
export interface CosignTag {
  readonly kind: CosignKind;
  readonly tag: Tag;
}

/**
 * Returns the tag of the referrers index in a registry without the referrers API: `sha256-` and the digits of the
 * subject's digest, at most 64 (distribution-spec, "Referrers Tag Schema").
 */
export function referrersTag(subject: Digest): Tag {
  const { algorithm, encoded } = splitDigest(subject);
  const name = `${algorithm.slice(0, ALGORITHM_LENGTH)}-${encoded.slice(0, ENCODED_LENGTH)}`;
  return parseTag(name.replaceAll(/[^\w.-]/g, '-'));
}

/** Returns cosign's tags for a digest; none if it is too long for a tag. */
export function cosignTags(subject: Digest): readonly CosignTag[] {
  const { algorithm, encoded } = splitDigest(subject);
  return COSIGN_SUFFIXES.flatMap(([kind, suffix]) => {
    const tag = `${algorithm}-${encoded}.${suffix}`;
    return isTag(tag) ? [{ kind, tag }] : [];
  });
}

/** Reports whether a tag is a referrers tag or one of cosign, which is not an image itself. */
export function isReferrersTag(name: string): boolean {
  return REFERRERS_TAG.test(name) || COSIGN_TAG.test(name);
}

/**
 * Returns the descriptor of a document in a referrers index (distribution-spec, "Pushing Manifests with Subject"). It
 * has the document's annotations; the artifact type of a manifest without one is its config's media type.
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
 * Adds referrers to a referrers index, each after the last one with a smaller digest: the order does not depend on that of
 * the additions. Keeps the other entries and unknown members.
 *
 * @param list `undefined` if the index does not exist yet
 * @returns the same index if it already has all of them
 */
export function addReferrers(
  list: IndexDocument | undefined,
  referrers: readonly Descriptor[],
): IndexDocument | undefined {
  const known = [...(list?.value.manifests ?? [])];
  const digests = new Set(known.map(({ digest }) => digest));
  const added = referrers.filter(({ digest }) => !digests.has(digest) && digests.add(digest));
  if (added.length === 0) return list;
  // The document's value lacks unknown members.
  const json = list === undefined ? undefined : withoutNullMembers(parseJson(list.bytes));
  const members = isJsonObject(json) ? json : { schemaVersion: 2, mediaType: OCI_INDEX };
  const manifests: unknown[] = Array.isArray(members['manifests']) ? [...members['manifests']] : [];
  for (const referrer of added) {
    const at = known.findLastIndex(({ digest }) => digest < referrer.digest) + 1;
    known.splice(at, 0, referrer);
    manifests.splice(at, 0, referrer);
  }
  const bytes = Buffer.from(JSON.stringify({ ...members, manifests }));
  return asReferrersList(parseDocument(bytes, { mediaType: OCI_INDEX }), 'the new referrers index');
}

/**
 * Returns why a document under a referrers tag, or in a response to a request for referrers, is not the list of the
 * referrers of this subject; `undefined` if it is. GitLab's registry responds with the subject itself. Others have an
 * ordinary image under the tag, whose children must not count as referrers.
 */
export function referrersListProblem(document: ManifestOrIndex, subject: Digest): string | undefined {
  const { kind, mediaType, digest, bytes, value } = document;
  const algorithm = digestAlgorithm(subject);
  if (digest === subject || (algorithm !== undefined && digestOf(bytes, algorithm) === subject)) {
    return 'it is the subject itself';
  }
  if (kind !== 'index' || mediaType !== OCI_INDEX) return `its media type is ${mediaType}`;
  // The entries of a list have the artifact types of the referrers, and no platforms.
  const isImage = value.manifests.some(
    (entry) => entry.platform !== undefined && entry.artifactType === undefined,
  );
  return isImage ? 'it is an image index' : undefined;
}

/**
 * Checks that a document is a referrers index.
 * @param label its name in messages
 * @throws InvalidError if it is something else
 */
export function asReferrersList(document: ManifestOrIndex, label: string, subject?: Digest): IndexDocument {
  const problem = subject === undefined ? undefined : referrersListProblem(document, subject);
  if (problem === undefined && document.kind === 'index' && document.mediaType === OCI_INDEX) return document;
  throw new InvalidError(
    `${label} is not a referrers index: ${problem ?? `its media type is ${document.mediaType}`}`,
    {
      hint: 'This tag is reserved for signatures, SBOMs and other referrers. Give the image another tag, and delete this one.',
    },
  );
}

function splitDigest(digest: Digest): { readonly algorithm: string; readonly encoded: string } {
  const colon = digest.indexOf(':');
  return { algorithm: digest.slice(0, colon), encoded: digest.slice(colon + 1) };
}
