import type { MemoryRegistry } from './memory-registry.js';
import { tinyImage } from './tiny-image.mjs';

const MEBIBYTE = 1 << 20;

/**
 * Seeds an image with layers of this size, each of which needs 1 MiB of memory. The layers differ from one another, and
 * between platforms.
 */
export function seedLargeImage(
  registry: MemoryRegistry,
  path: string,
  tag: 'amd64' | 'arm64',
  mebibytes: number,
  count = 1,
): void {
  const { config, manifest } = tinyImage({ architecture: tag });
  registry.putBlob(path, config.bytes);
  const layers = Array.from({ length: count }, (_, number) => ({
    mediaType: 'application/vnd.oci.image.layer.v1.tar',
    digest: registry.putRepeatedBlob(
      path,
      Buffer.alloc(MEBIBYTE, `${tag}${number === 0 ? '' : number} `),
      mebibytes,
    ),
    size: MEBIBYTE * mebibytes,
  }));
  const value = JSON.parse(Buffer.from(manifest.bytes).toString()) as object;
  registry.putManifest(path, Buffer.from(JSON.stringify({ ...value, layers })), manifest.mediaType, tag);
}
