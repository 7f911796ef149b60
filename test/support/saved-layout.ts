import { listed, sha256, type KeptImage } from './docker-save.js';
import { tarFile, type TarPart } from './tar-file.js';
import type { TinyImage } from './tiny-image.mjs';

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';

/** An entry of `index.json`, with its blobs in the archive. */
export interface ListedContent {
  readonly mediaType: string;
  readonly bytes: Uint8Array;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly blobs: readonly Uint8Array[];
}

/** The annotations of docker and containerd for an entry. @param name The full name with its tag. */
export function dockerNames(name: string): Record<string, string> {
  return {
    'io.containerd.image.name': name,
    'org.opencontainers.image.ref.name': name.slice(name.lastIndexOf(':') + 1),
  };
}

/** An archive with an image layout, as docker 25 and BuildKit write it. @param others Additional files. */
export function layoutArchive(entries: readonly ListedContent[], others: readonly TarPart[] = []): Buffer {
  const blobs = new Map(
    entries.flatMap(({ blobs: parts }) =>
      parts.map((content) => [`blobs/sha256/${sha256(content).slice('sha256:'.length)}`, content] as const),
    ),
  );
  const manifests = entries.map(({ mediaType, bytes, annotations }) => ({
    mediaType,
    digest: sha256(bytes),
    size: bytes.length,
    ...(annotations !== undefined && { annotations }),
  }));
  return tarFile([
    ...Array.from(blobs, ([name, content]) => ({ name, content })),
    { name: 'index.json', content: JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests }) },
    ...others,
    { name: 'oci-layout', content: '{"imageLayoutVersion":"1.0.0"}' },
  ]);
}

/** A complete image. */
export function listedImage(image: TinyImage, annotations?: Readonly<Record<string, string>>): ListedContent {
  const { manifest, config, layers } = image;
  return {
    mediaType: manifest.mediaType,
    bytes: manifest.bytes,
    ...(annotations !== undefined && { annotations }),
    blobs: [manifest.bytes, config.bytes, ...layers.map(({ bytes }) => bytes)],
  };
}

/** An image as docker 25 saves it: with uncompressed layers, and `manifest.json` for the same blobs. */
export function dockerImage(image: KeptImage, name: string): ListedContent & { readonly parts: TarPart[] } {
  const descriptor = (mediaType: string, bytes: Uint8Array): object => ({
    mediaType,
    digest: sha256(bytes),
    size: bytes.length,
  });
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST,
      config: descriptor('application/vnd.oci.image.config.v1+json', image.config),
      layers: image.layers.map((bytes) => descriptor('application/vnd.oci.image.layer.v1.tar', bytes)),
    }),
  );
  const blob = (bytes: Uint8Array): string => `blobs/sha256/${sha256(bytes).slice('sha256:'.length)}`;
  const contents = [{ ...listed(image), Config: blob(image.config), Layers: image.layers.map(blob) }];
  return {
    mediaType: MANIFEST,
    bytes: manifest,
    annotations: dockerNames(name),
    blobs: [manifest, image.config, ...image.layers],
    parts: [{ name: 'manifest.json', content: JSON.stringify(contents) }],
  };
}
