import { digestOf } from '../../src/oci/digest.js';
import type { ManifestOrIndex } from '../../src/oci/document.js';
import { OCI_INDEX, OCI_MANIFEST } from '../../src/oci/media-type.js';
import { parseDocument } from '../../src/oci/parse.js';
import type { Repository } from './repository.js';
import type { TinyBlob, TinyImage } from './tiny-image.mjs';

export interface ArtifactOptions {
  /** @default 'application/vnd.example.signature' */
  readonly type?: string;
  /** The content of the layer. @default 'signed' */
  readonly text?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/**
 * An artifact manifest with one layer, as oras attaches it to an image or index. Without a subject it is a signature as
 * cosign stores it under a tag.
 */
export function artifact(
  subject: Pick<TinyBlob, 'mediaType' | 'digest' | 'size'> | undefined,
  { type = 'application/vnd.example.signature', text = 'signed', annotations }: ArtifactOptions = {},
): TinyImage {
  const config = blobOf('application/vnd.oci.empty.v1+json', '{}');
  const layer = blobOf(type, text);
  const manifest = blobOf(
    OCI_MANIFEST,
    JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      artifactType: type,
      config: descriptorOf(config),
      layers: [descriptorOf(layer)],
      ...(subject && { subject: descriptorOf(subject) }),
      ...(annotations && { annotations }),
    }),
  );
  return { manifest, config, layers: [layer] };
}

/** The tag of the referrers index in a registry without the referrers API (distribution-spec, "Referrers Tag Schema"). */
export function listTag({ digest }: Pick<TinyBlob, 'digest'>): string {
  return digest.replace(':', '-');
}

/** Puts a referrer and a referrers index with this one entry, as clients do in a registry without the referrers API. */
export async function attach(
  repository: Repository,
  subject: Pick<TinyBlob, 'digest'>,
  referrer: TinyImage,
): Promise<void> {
  await repository.add(referrer);
  const entry = { ...descriptorOf(referrer.manifest), artifactType: referrer.layers[0]?.mediaType };
  const list = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [entry] };
  await repository.putManifest(blobOf(OCI_INDEX, JSON.stringify(list)), listTag(subject));
}

/** The parsed manifest of an image or artifact. */
export function documentOf({ manifest }: TinyImage): ManifestOrIndex {
  return parseDocument(manifest.bytes, { mediaType: manifest.mediaType });
}

function blobOf(mediaType: string, text: string): TinyBlob {
  const bytes = Buffer.from(text);
  return { mediaType, bytes, digest: digestOf(bytes), size: bytes.length };
}

function descriptorOf({ mediaType, digest, size }: Pick<TinyBlob, 'mediaType' | 'digest' | 'size'>) {
  return { mediaType, digest, size };
}
