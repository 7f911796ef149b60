import type { Target } from '../content/target.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import { documentDescriptor, type ManifestOrIndex } from '../oci/document.js';
import { isLocalName } from '../oci/image-location.js';
import type { MediaType } from '../oci/media-type.js';
import { formatPlatformFull, isCompletePlatform, normalisePlatform, type Platform } from '../oci/platform.js';
import { formatRepository, parseReference, type Tag } from '../oci/reference.js';
import type { Publication, TagChange } from './publish.js';
import { attestedDigest, isAttestation } from '../oci/attestation.js';

/** What a push left behind, for the programs that come after it. Fit to be written as JSON as it stands. */
export interface PushReport {
  /** Every name that it can now be read by, in the order of the destinations: `REPOSITORY:TAG`, or by digest. */
  readonly references: readonly string[];
  /** By its digest in the first destination: `docker.io/library/app@sha256:…`. */
  readonly image: string;
  readonly digest: Digest;
  readonly mediaType: MediaType;
  /** Of the index or image manifest, in bytes. */
  readonly size: number;
  /**
   * The images by platform in canonical form, so that `linux/arm64` is found however the index spells it. An image whose
   * platform is not known is none of them.
   */
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
  readonly document: ManifestOrIndex;
  /** Of an image: what its index or its config says, where one of them was read. */
  readonly platform?: Platform | undefined;
  readonly publication: Publication;
  /** Where it was published, the one that names it first. */
  readonly destinations: readonly [ReportedDestination, ...ReportedDestination[]];
}

/** What of a `Destination` is reported. */
export interface ReportedDestination {
  readonly target: Pick<Target, 'label'>;
  readonly tag?: Tag;
}

/** Says what a push did, with all names in full, since other programs fill in other registries. */
export function pushReport(request: PushReportRequest): PushReport {
  const { document, platform, publication, destinations } = request;
  const { digest, mediaType, bytes } = document;
  const image = { ...documentDescriptor(document), ...(platform !== undefined && { platform }) };
  return {
    references: destinations.map(({ target, tag }) =>
      tag === undefined ? byDigest(target, digest) : byTag(target.label, tag),
    ),
    image: byDigest(destinations[0].target, digest),
    digest,
    mediaType,
    size: bytes.length,
    platforms: platformReports(document.kind === 'index' ? document.value.manifests : [image]),
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

/** A repository's name as every program understands it. Layouts and archives, and places that are no registry's, keep theirs. */
function fullName(label: string): string {
  if (isLocalName(label)) return label;
  try {
    return formatRepository(parseReference(label));
  } catch {
    return label;
  }
}
