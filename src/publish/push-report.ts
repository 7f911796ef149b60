import type { Target } from '../content/target.js';
import { attestedDigest, isAttestation } from '../oci/attestation.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import { documentDescriptor, type ManifestOrIndex } from '../oci/document.js';
import type { MediaType } from '../oci/media-type.js';
import { formatPlatformFull, isKnownPlatform, normalisePlatform, type Platform } from '../oci/platform.js';
import type { RefName } from '../oci/reference.js';
import type { Publication } from './publish.js';
import { repositoryLabel, type TagChange } from './tag-change.js';

/** The result of a push, for other programs. Serialises to JSON as is. */
export interface PushReport {
  /** The published references, in the order of the destinations: `REPOSITORY:TAG`, or `REPOSITORY@DIGEST` without a tag. */
  readonly references: readonly string[];
  /** The digest reference in the first destination: `docker.io/library/app@sha256:…`. */
  readonly image: string;
  readonly digest: Digest;
  readonly mediaType: MediaType;
  /** The size of the index or image manifest, in bytes. */
  readonly size: number;
  /**
   * The images by canonical platform: the key is `linux/arm64` for `linux/arm64/v8`, too. Omits images without a known
   * platform.
   */
  readonly platforms: Readonly<Record<string, PlatformReport>>;
  readonly tags: readonly TagReport[];
}

/** An image of a published index. */
export interface PlatformReport {
  /** As in the index. */
  readonly platform: Platform;
  readonly digest: Digest;
  readonly mediaType: MediaType;
  /** The size of the manifest, in bytes. */
  readonly size: number;
  /** The attestations of this image, such as BuildKit's provenance. */
  readonly attestations?: readonly Digest[];
  /** Other images of the same platform, if the push allowed duplicates. Clients may pick any. */
  readonly duplicates?: readonly Digest[];
}

/** What a push did to one tag. */
export interface TagReport extends Pick<TagChange, 'outcome' | 'previous'> {
  readonly reference: string;
  /** What it points to now. */
  readonly digest: Digest;
}

export interface PushReportRequest {
  readonly document: ManifestOrIndex;
  /** The platform of an image, if its index or config was read. */
  readonly platform?: Platform | undefined;
  readonly publication: Publication;
  /** Where it was published, starting with the main destination. */
  readonly destinations: readonly [ReportedDestination, ...ReportedDestination[]];
}

/** The part of a `Destination` that a report needs. */
export interface ReportedDestination {
  readonly target: Pick<Target, 'label' | 'repository'>;
  readonly tag?: RefName;
}

/** Creates the report of a push. Names are fully qualified because other programs default to other registries. */
export function pushReport(request: PushReportRequest): PushReport {
  const { document, platform, publication, destinations } = request;
  const { digest, mediaType, bytes } = document;
  const image = { ...documentDescriptor(document), ...(platform !== undefined && { platform }) };
  return {
    references: destinations.map(({ target, tag }) =>
      tag === undefined ? digestReference(target, digest) : `${repositoryLabel(target)}:${tag}`,
    ),
    image: digestReference(destinations[0].target, digest),
    digest,
    mediaType,
    size: bytes.length,
    platforms: platformReports(document.kind === 'index' ? document.value.manifests : [image]),
    tags: publication.tags.map(({ repository, tag, previous, outcome }) => ({
      reference: `${repository}:${tag}`,
      ...(previous !== undefined && { previous }),
      digest,
      outcome,
    })),
  };
}

function platformReports(manifests: readonly Descriptor[]): Readonly<Record<string, PlatformReport>> {
  const attestations = new Map<string, Digest[]>();
  for (const entry of manifests) {
    const image = attestedDigest(entry);
    if (image !== undefined) append(attestations, image, entry.digest);
  }
  const images = new Map<string, PlatformReport>();
  const duplicates = new Map<string, Digest[]>();
  for (const entry of manifests) {
    const { platform, digest, mediaType, size } = entry;
    if (isAttestation(entry) || !isKnownPlatform(platform)) continue;
    const name = formatPlatformFull(normalisePlatform(platform));
    if (images.has(name)) {
      append(duplicates, name, digest);
      continue;
    }
    const own = attestations.get(digest);
    images.set(name, { platform, digest, mediaType, size, ...(own !== undefined && { attestations: own }) });
  }
  return Object.fromEntries(
    Array.from(images, ([name, image]) => {
      const others = duplicates.get(name);
      return [name, { ...image, ...(others !== undefined && { duplicates: others }) }];
    }),
  );
}

function append<K>(lists: Map<K, Digest[]>, key: K, digest: Digest): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [digest]);
  else list.push(digest);
}

function digestReference(target: ReportedDestination['target'], digest: Digest): string {
  return `${repositoryLabel(target)}@${digest}`;
}
