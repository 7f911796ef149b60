import { digestAlgorithm, digestOf, type Digest } from './digest.js';
import { detectKind, type DocumentKind } from './document-kind.js';
import { type ManifestOrIndex, MAX_MANIFEST_PULL } from './document.js';
import { InvalidError } from './errors.js';
import { readImageIndex, type ImageIndexJson } from './image-index.js';
import { readImageManifest, type ImageManifestJson } from './image-manifest.js';
import { isJsonObject, isMarkup, OTHER_SERVER_HINT, parseJson } from './json.js';
import {
  DOCKER_CONFIG,
  DOCKER_MANIFEST,
  OCI_INDEX,
  OCI_MANIFEST,
  isIndexType,
  isManifestType,
  isSchema1Type,
  type MediaType,
} from './media-type.js';
import { withoutNullMembers } from './null-members.js';
import { invalidDocument, validateDocument } from './validate.js';

/** The properties that an HTTP response or a descriptor gives of a document. */
export interface DocumentClaim {
  /** A `Content-Type`, with or without parameters, or a descriptor's `mediaType`. */
  readonly mediaType?: string | undefined;
  readonly digest?: Digest | undefined;
  /** In bytes. */
  readonly size?: number | undefined;
  /** The name of the document in messages. @default 'the document' */
  readonly label?: string | undefined;
}

/** The types that servers send for any content. */
const GENERIC_TYPES = new Set([
  '',
  'application/json',
  'application/octet-stream',
  'binary/octet-stream',
  'text/plain',
]);

/**
 * Rules that reading ignores, because published documents violate them without harm: invalid media types of entries,
 * `data` that is other content, incomplete platforms, variants of another architecture.
 */
const TOLERATED = new Set([
  'schema/pattern',
  'data/base64',
  'data/size',
  'data/digest',
  'platform/incomplete',
  'platform/variant',
]);

type ManifestKind = Extract<DocumentKind, 'image-index' | 'docker-manifest-list' | 'image-manifest'>;

/**
 * Parses a manifest or an index and keeps its exact bytes. Its `mediaType` determines the kind, or without one its
 * members. Rejects a claim of the other kind (CVE-2021-41190); the OCI and Docker types of a kind are equivalent.
 * Accepts harmless mistakes, which `validateDocument` reports, and reads null as absent.
 * @throws InvalidError that names the document by the claim's `label`
 */
export function parseDocument(bytes: Uint8Array, claim: DocumentClaim = {}): ManifestOrIndex {
  const { label = 'the document' } = claim;
  const digest = checkClaim(bytes, claim, label);
  const claimed = (claim.mediaType ?? '').split(';', 1).join().trim().toLowerCase();
  if (isSchema1Type(claimed)) throw schema1Error(label);
  const value = withoutNullMembers(parseJson(bytes, label));
  const kind = kindOf(value, label);
  const problems = validateDocument(kind, value, TOLERATED);
  if (problems.length > 0) throw invalidDocument(label, problems);
  return kind === 'image-manifest'
    ? manifestDocument(value as ImageManifestJson, { bytes, digest }, claimed, label)
    : indexDocument(value as ImageIndexJson, { bytes, digest }, claimed, label);
}

type BytesAndDigest = Pick<ManifestOrIndex, 'bytes' | 'digest'>;

function indexDocument(
  json: ImageIndexJson,
  base: BytesAndDigest,
  claimed: string,
  label: string,
): ManifestOrIndex {
  const value = readImageIndex(json);
  checkMediaType(claimed, isIndexType, value.mediaType ?? 'an image index', label);
  const mediaType = value.mediaType ?? (isIndexType(claimed) ? claimed : OCI_INDEX);
  return { kind: 'index', ...base, mediaType, value };
}

function manifestDocument(
  json: ImageManifestJson,
  base: BytesAndDigest,
  claimed: string,
  label: string,
): ManifestOrIndex {
  const value = readImageManifest(json);
  checkMediaType(claimed, isManifestType, value.mediaType ?? 'an image manifest', label);
  const fallback = value.config.mediaType === DOCKER_CONFIG ? DOCKER_MANIFEST : OCI_MANIFEST;
  const mediaType = value.mediaType ?? (isManifestType(claimed) ? claimed : fallback);
  return { kind: 'manifest', ...base, mediaType, value };
}

/** What to do about content that does not have its digest or size. */
export const CORRUPT_CONTENT_HINT =
  'The content is corrupt at the source or was corrupted in transit. Retry; if it persists, rebuild the image.';

/** Checks size and digest before the bytes are parsed. Returns the document's digest. */
function checkClaim(bytes: Uint8Array, claim: DocumentClaim, label: string): Digest {
  if (bytes.length > MAX_MANIFEST_PULL) {
    throw new InvalidError(`${label} is ${bytes.length} bytes long; the limit is ${MAX_MANIFEST_PULL}`);
  }
  if (claim.size !== undefined && claim.size !== bytes.length) {
    throw new InvalidError(`${label} is ${bytes.length} bytes long, expected ${claim.size}`);
  }
  if (claim.digest === undefined) return digestOf(bytes);
  const algorithm = digestAlgorithm(claim.digest);
  // A digest of another algorithm cannot be verified; the Source warns of it.
  if (algorithm === undefined) return claim.digest;
  const digest = digestOf(bytes, algorithm);
  if (digest !== claim.digest) {
    const start = new TextDecoder().decode(bytes.subarray(0, 64));
    throw new InvalidError(`${label} has the digest ${digest}, expected ${claim.digest}`, {
      hint: isMarkup(start) ? OTHER_SERVER_HINT : CORRUPT_CONTENT_HINT,
    });
  }
  return digest;
}

function kindOf(value: unknown, label: string): ManifestKind {
  if (!isJsonObject(value)) {
    const message = 'must be an object';
    throw invalidDocument(label, [{ pointer: '', message, rule: 'schema/type' }]);
  }
  const kind = detectKind(value);
  if (kind === 'image-index' || kind === 'docker-manifest-list' || kind === 'image-manifest') return kind;
  const { mediaType, schemaVersion } = value;
  if (
    schemaVersion === 1 ||
    'fsLayers' in value ||
    (typeof mediaType === 'string' && isSchema1Type(mediaType))
  ) {
    throw schema1Error(label);
  }
  const what = typeof mediaType === 'string' ? `has the mediaType "${mediaType}"` : 'has no mediaType';
  throw invalidDocument(label, [
    {
      pointer: '',
      message: `${what} and is neither an image manifest nor an image index`,
      rule: 'media-type/unknown',
    },
  ]);
}

function checkMediaType(
  claimed: string,
  isExpected: (mediaType: MediaType) => boolean,
  actual: string,
  label: string,
): void {
  if (GENERIC_TYPES.has(claimed) || isExpected(claimed)) return;
  const message = `is ${actual}, but its Content-Type or descriptor is ${claimed}`;
  throw invalidDocument(label, [{ pointer: '/mediaType', message, rule: 'media-type/mismatch' }]);
}

function schema1Error(label: string): InvalidError {
  const message = 'is a Docker schema 1 manifest, which registries and clients no longer support';
  return new InvalidError(`${label} ${message}`, {
    hint: 'Pull the image with an older docker and push it with a current one, or rebuild it.',
    problems: [{ pointer: '', message, rule: 'document/schema1' }],
  });
}
