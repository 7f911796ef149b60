import { digestOf } from '../../src/oci/digest.js';
import type { ManifestOrIndex } from '../../src/oci/document.js';
import { OCI_INDEX, OCI_MANIFEST } from '../../src/oci/media-type.js';
import { parseDocument } from '../../src/oci/parse.js';
import type { Repository } from './repository.js';
import type { TinyBlob, TinyImage } from './tiny-image.mjs';

export interface ArtifactOptions {
  /** @default 'application/vnd.example.signature' */
  readonly type?: string;
  /** What tells it from others. @default 'signed' */
  readonly text?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/**
 * What a tool such as oras attaches to an image or index: a manifest that names it as its subject, with one layer. Without
 * a subject it is what cosign puts under a tag of its own.
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

/** Where a registry without lists of its own has what refers to something: the tag that OCI 1.1 gives the list. */
export function listTag({ digest }: Pick<TinyBlob, 'digest'>): string {
  return digest.replace(':', '-');
}

/** Puts a referrer, and the list that names it alone, as another client does at a registry without lists of its own. */
export async function attach(
  place: Repository,
  subject: Pick<TinyBlob, 'digest'>,
  referrer: TinyImage,
): Promise<void> {
  await place.add(referrer);
  const entry = { ...descriptorOf(referrer.manifest), artifactType: referrer.layers[0]?.mediaType };
  const list = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [entry] };
  await place.putManifest(blobOf(OCI_INDEX, JSON.stringify(list)), listTag(subject));
}

/** The manifest of an image or artifact as the code under test knows it. */
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
