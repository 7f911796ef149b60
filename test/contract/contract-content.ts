import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';

import { MemoryStore } from '../../src/content/memory-store.js';
import type { Source } from '../../src/content/source.js';
import type { Target } from '../../src/content/target.js';
import type { Descriptor } from '../../src/oci/descriptor.js';
import type { DigestAlgorithm } from '../../src/oci/digest.js';
import { digestOf } from '../../src/oci/digest.js';
import { documentDescriptor, type ManifestOrIndex } from '../../src/oci/document.js';
import { OCI_INDEX, OCI_MANIFEST } from '../../src/oci/media-type.js';
import { parseDocument } from '../../src/oci/parse.js';
import { tinyImage } from '../support/tiny-image.mjs';

/** An image whose content is in `from`. */
export interface SampleImage {
  readonly document: ManifestOrIndex;
  /** Config and layers. */
  readonly blobs: readonly Descriptor[];
  readonly from: MemoryStore;
}

export function sampleImage(options: Partial<Parameters<typeof tinyImage>[0]> = {}): SampleImage {
  const { manifest, config, layers } = tinyImage({ architecture: 'amd64', ...options });
  const from = new MemoryStore('sample');
  const blobs = [config, ...layers].map(({ bytes, mediaType }) => from.addBlob(bytes, mediaType));
  return { document: documentOf(manifest.bytes, manifest.mediaType), blobs, from };
}

/** An index of these documents, with unusual whitespace that must be preserved. */
export function sampleIndex(
  documents: readonly ManifestOrIndex[],
  mediaType: string = OCI_INDEX,
): ManifestOrIndex {
  const manifests = documents.map((document) => documentDescriptor(document));
  const text = JSON.stringify({ manifests, mediaType, schemaVersion: 2 }, undefined, '\t');
  return documentOf(Buffer.from(`${text}\n`), mediaType);
}

/** An index with a subject. */
export function indexAbout(subject: Descriptor, documents: readonly ManifestOrIndex[]): ManifestOrIndex {
  const manifests = documents.map((document) => documentDescriptor(document));
  const text = JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests, subject });
  return documentOf(Buffer.from(text), OCI_INDEX);
}

/** A manifest with this config and these layers. */
export function manifestOf(
  config: Descriptor,
  layers: readonly Descriptor[],
  algorithm?: DigestAlgorithm,
): ManifestOrIndex {
  const value = { schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers };
  return documentOf(Buffer.from(JSON.stringify(value)), OCI_MANIFEST, algorithm);
}

function documentOf(bytes: Uint8Array, mediaType: string, algorithm?: DigestAlgorithm): ManifestOrIndex {
  return parseDocument(bytes, { mediaType, digest: digestOf(bytes, algorithm) });
}

/** Puts an image into a target, without a tag. */
export async function copyImage(target: Target, { document, blobs, from }: SampleImage): Promise<void> {
  for (const blob of blobs) await target.copyBlob(blob, from);
  await target.writeManifest(document);
}

/** A source of one blob with an arbitrary stream. */
export function sourceOf(open: () => Readable): Source {
  return {
    label: 'scripted',
    resolve: refuse,
    find: refuse,
    readManifest: refuse,
    openBlob: () => Promise.resolve(open()),
  };
}

function refuse(): Promise<never> {
  return Promise.reject(new Error('only blobs are to be read here'));
}

/** Reads a stream to its end without keeping it. */
export async function digestOfStream(stream: Readable): Promise<{ digest: string; chunks: number }> {
  const hash = createHash('sha256');
  let chunks = 0;
  for await (const chunk of stream) {
    hash.update(chunk as Uint8Array);
    chunks++;
  }
  return { digest: `sha256:${hash.digest('hex')}`, chunks };
}

export async function readAll(stream: Readable): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}
