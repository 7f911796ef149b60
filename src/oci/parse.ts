import { digestAlgorithm, digestOf, type Digest } from './digest.js';
import { detectKind, type DocumentKind } from './document-kind.js';
import { type ManifestOrIndex, MAX_MANIFEST_PULL } from './document.js';
import { InvalidError } from './errors.js';
import { readImageIndex, type ImageIndexJson } from './image-index.js';
import { readImageManifest, type ImageManifestJson } from './image-manifest.js';
import { DUPLICATE_PLATFORM } from './index-rules.js';
import { isJsonObject, parseJson } from './json.js';
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
import { invalidDocument, validateDocument } from './validate.js';

/** What others say of a document before it is read: an HTTP answer, or the descriptor that points to it. */
export interface DocumentClaim {
  /** A `Content-Type`, with parameters or not, or a descriptor's `mediaType`. */
  readonly mediaType?: string | undefined;
  readonly digest?: Digest | undefined;
  /** In bytes. */
  readonly size?: number | undefined;
  /** What messages call the document. @default 'the document' */
  readonly label?: string | undefined;
}

/** What servers send that do not know what they send. */
const GENERIC_TYPES = new Set([
  '',
  'application/json',
  'application/octet-stream',
  'binary/octet-stream',
  'text/plain',
]);

/**
 * What reading lets pass, since it is found in registries and harms nobody who does not rely on it: a media type that
 * is not one (of an entry nobody asked for), `data` that is not the content, half a platform, doubles.
 */
const TOLERATED = new Set([
  'schema/pattern',
  'data/base64',
  'data/size',
  'data/digest',
  'platform/incomplete',
  DUPLICATE_PLATFORM,
]);

type ManifestKind = Extract<DocumentKind, 'image-index' | 'docker-manifest-list' | 'image-manifest'>;

/**
 * Reads a manifest or an index and keeps its exact bytes. What the document is, its own `mediaType` says; without one,
 * its content does. A claim of another kind is refused (CVE-2021-41190), the OCI and Docker names of one kind are not
 * told apart. Tolerates what is harmless, see `validateDocument` for the whole truth.
 * @throws InvalidError naming the document by the claim's `label`
 */
export function parseDocument(bytes: Uint8Array, claim: DocumentClaim = {}): ManifestOrIndex {
  const { label = 'the document' } = claim;
  const digest = checkClaim(bytes, claim, label);
  const claimed = (claim.mediaType ?? '').split(';', 1).join().trim().toLowerCase();
  if (isSchema1Type(claimed)) throw schema1Error(label);
  const value = parseJson(bytes, label);
  const kind = kindOf(value, label);
  const problems = validateDocument(kind, value).filter(({ rule }) => !TOLERATED.has(rule));
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
  const likely = value.config.mediaType === DOCKER_CONFIG ? DOCKER_MANIFEST : OCI_MANIFEST;
  const mediaType = value.mediaType ?? (isManifestType(claimed) ? claimed : likely);
  return { kind: 'manifest', ...base, mediaType, value };
}

/** Size and digest, before anything is made of the bytes. Returns the digest to know the document by. */
function checkClaim(bytes: Uint8Array, claim: DocumentClaim, label: string): Digest {
  if (bytes.length > MAX_MANIFEST_PULL) {
    throw new InvalidError(
      `${label} is ${bytes.length} bytes long; a manifest may have ${MAX_MANIFEST_PULL} at most`,
    );
  }
  if (claim.size !== undefined && claim.size !== bytes.length) {
    throw new InvalidError(`${label} is ${bytes.length} bytes long, but should have ${claim.size}`);
  }
  if (claim.digest === undefined) return digestOf(bytes);
  const algorithm = digestAlgorithm(claim.digest);
  // What no one here can compute passes; the Source says so to the user.
  if (algorithm === undefined) return claim.digest;
  const digest = digestOf(bytes, algorithm);
  if (digest !== claim.digest) {
    throw new InvalidError(`${label} has the digest ${digest}, but should have ${claim.digest}`);
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
  isRight: (mediaType: MediaType) => boolean,
  actual: string,
  label: string,
): void {
  if (GENERIC_TYPES.has(claimed) || isRight(claimed)) return;
  const message = `is ${actual}, but was given as ${claimed}`;
  throw invalidDocument(label, [{ pointer: '/mediaType', message, rule: 'media-type/mismatch' }]);
}

function schema1Error(label: string): InvalidError {
  const message = 'is a Docker schema 1 manifest, which registries and clients no longer support';
  return new InvalidError(`${label} ${message}`, {
    hint: 'Pull the image with an older docker and push it again with a current one, or build it again.',
    problems: [{ pointer: '', message, rule: 'document/schema1' }],
  });
}
