import type { MemoryRegistry } from './memory-registry.js';
import { tinyImage } from './tiny-image.mjs';

const MEBIBYTE = 1 << 20;

/** Seeds an image with one layer of this size, which needs 1 MiB of memory. The layer differs between platforms. */
export function seedLargeImage(
  registry: MemoryRegistry,
  path: string,
  tag: 'amd64' | 'arm64',
  mebibytes: number,
): void {
  const { config, manifest } = tinyImage({ architecture: tag });
  registry.putBlob(path, config.bytes);
  const layer = {
    mediaType: 'application/vnd.oci.image.layer.v1.tar',
    digest: registry.putRepeatedBlob(path, Buffer.alloc(MEBIBYTE, `${tag} `), mebibytes),
    size: MEBIBYTE * mebibytes,
  };
  const value = JSON.parse(Buffer.from(manifest.bytes).toString()) as object;
  registry.putManifest(
    path,
    Buffer.from(JSON.stringify({ ...value, layers: [layer] })),
    manifest.mediaType,
    tag,
  );
}
