import type { Target } from '../content/target.js';
import { attestedDigest, isAttestation } from '../oci/attestation.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import type { IndexDocument } from '../oci/document.js';
import type { MediaType } from '../oci/media-type.js';
import { formatPlatformFull, isCompletePlatform, normalisePlatform, type Platform } from '../oci/platform.js';
import { formatRepository, parseReference, type Tag } from '../oci/reference.js';
import type { Publication, TagChange } from './publish.js';

/** What a push left behind, for the programs that come after it. Fit to be written as JSON as it stands. */
export interface PushReport {
  /** Every name that the index can now be read by, in the order of the destinations: `REPOSITORY:TAG`, or by digest. */
  readonly references: readonly string[];
  /** The index by its digest in the first destination: `docker.io/library/app@sha256:…`. */
  readonly image: string;
  readonly digest: Digest;
  readonly mediaType: MediaType;
  /** Of the index, in bytes. */
  readonly size: number;
  /** The images by platform in canonical form, so that `linux/arm64` is found however the index spells it. */
  readonly platforms: Readonly<Record<string, PlatformReport>>;
  readonly tags: readonly TagReport[];
}

export interface PlatformReport {
  /** As the index has it. */
  readonly platform: Platform;
  readonly digest: Digest;
  readonly mediaType: MediaType;
  /** Of the manifest, in bytes. */
  readonly size: number;
  /** Statements about this image, such as BuildKit's provenance. */
  readonly attestations?: readonly Digest[];
  /** Further images of the same platform, where the push allowed them. Clients take any. */
  readonly duplicates?: readonly Digest[];
}

export interface TagReport extends Pick<TagChange, 'outcome' | 'previous'> {
  readonly reference: string;
}

export interface PushReportRequest {
  readonly index: IndexDocument;
  readonly publication: Publication;
  /** Where it was published, the one that names the list first. */
  readonly destinations: readonly [ReportedDestination, ...ReportedDestination[]];
}

/** What of a `Destination` is reported. */
export interface ReportedDestination {
  readonly target: Pick<Target, 'label'>;
  readonly tag?: Tag;
}

/** Says what a push did, with all names in full, since other programs fill in other registries. */
export function pushReport({ index, publication, destinations }: PushReportRequest): PushReport {
  const { digest, mediaType, bytes } = index;
  return {
    references: destinations.map(({ target, tag }) =>
      tag === undefined ? byDigest(target, digest) : byTag(target.label, tag),
    ),
    image: byDigest(destinations[0].target, digest),
    digest,
    mediaType,
    size: bytes.length,
    platforms: platformReports(index.value.manifests),
    tags: publication.tags.map(({ repository, tag, previous, outcome }) => ({
      reference: byTag(repository, tag),
      ...(previous !== undefined && { previous }),
      outcome,
    })),
  };
}

function platformReports(manifests: readonly Descriptor[]): Readonly<Record<string, PlatformReport>> {
  const images = new Map<string, PlatformReport>();
  for (const entry of manifests) {
    const { platform, digest, mediaType, size } = entry;
    if (isAttestation(entry) || !isImagePlatform(platform)) continue;
    const name = formatPlatformFull(normalisePlatform(platform));
    const first = images.get(name);
    if (first === undefined) {
      const attestations = manifests.filter((other) => attestedDigest(other) === digest);
      images.set(name, {
        platform,
        digest,
        mediaType,
        size,
        ...(attestations.length > 0 && { attestations: attestations.map((statement) => statement.digest) }),
      });
    } else {
      images.set(name, { ...first, duplicates: [...(first.duplicates ?? []), digest] });
    }
  }
  return Object.fromEntries(images);
}

function isImagePlatform(platform: Platform | undefined): platform is Platform {
  return isCompletePlatform(platform) && platform.os !== 'unknown';
}

function byTag(label: string, tag: Tag): string {
  return `${fullName(label)}:${tag}`;
}

function byDigest({ label }: Pick<Target, 'label'>, digest: Digest): string {
  return `${fullName(label)}@${digest}`;
}

/** A repository's name as every program understands it. Layouts, and places that are no registry's, keep theirs. */
function fullName(label: string): string {
  if (label.startsWith('oci:')) return label;
  try {
    return formatRepository(parseReference(label));
  } catch {
    return label;
  }
}
