import { unlimited } from '../content/limit.js';
import { readChild } from '../content/read-child.js';
import type { Source } from '../content/source.js';
import {
  attestationEntry,
  attestedDigest,
  isAttestation,
  isAttestationManifest,
  mayBeAttestation,
} from '../oci/attestation.js';
import type { Descriptor } from '../oci/descriptor.js';
import { NotFoundError } from '../oci/errors.js';
import { isManifestType } from '../oci/media-type.js';
import type { ReadSourceOptions, SourceEntry } from './read-source.js';

/**
 * Returns entries for the attestations that are referrers of these images, in the order of the images and then of the
 * digests: registries list referrers in any order. An image whose attestations are entries already gets none.
 *
 * @param entries of one source
 * @throws what the source throws
 */
export async function readReferredAttestations(
  source: Source,
  entries: readonly SourceEntry[],
  options: ReadSourceOptions = {},
): Promise<SourceEntry[]> {
  const attested = new Set(entries.map(({ descriptor }) => attestedDigest(descriptor)));
  const images = entries
    .map(({ descriptor }) => descriptor)
    .filter((descriptor) => isManifestType(descriptor.mediaType) && !isAttestation(descriptor))
    .filter(({ digest }) => !attested.has(digest));
  const distinct = [...new Map(images.map((image) => [image.digest, image])).values()];
  const found = await Promise.all(distinct.map((image) => readAttestations(source, image, options)));
  return found.flat();
}

async function readAttestations(
  source: Source,
  image: Descriptor,
  options: ReadSourceOptions,
): Promise<SourceEntry[]> {
  const { limit = unlimited, signal } = options;
  const listed = (await limit(async () => source.listReferrers?.(image.digest, { signal }))) ?? [];
  const referrers = listed
    .filter((referrer) => isManifestType(referrer.mediaType) && mayBeAttestation(referrer))
    .toSorted((a, b) => (a.digest < b.digest ? -1 : 1));
  const read = await Promise.all(
    referrers.map((referrer) => readAttestation(source, image, referrer, options)),
  );
  return read.flat();
}

async function readAttestation(
  source: Source,
  { digest: image }: Descriptor,
  referrer: Descriptor,
  { limit = unlimited, signal, onEvent }: ReadSourceOptions,
): Promise<SourceEntry[]> {
  try {
    const document = await limit(() => readChild(source, referrer, { signal, allowKept: false }));
    const isOwn = document.kind === 'manifest' && document.value.subject?.digest === image;
    if (!isOwn || !isAttestationManifest(document)) return [];
    return [{ descriptor: attestationEntry(referrer, image), document }];
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
    const message = `skipping attestation ${referrer.digest} of ${image}: ${source.label} lists it, but does not have it`;
    onEvent?.({ kind: 'warning', message });
    return [];
  }
}
