import type { MemoryRegistry } from './memory-registry.js';
import { tinyImage, type TinyImage } from './tiny-image.mjs';

const PLATFORMS = [
  ['amd64'],
  ['arm64'],
  ['arm', 'v7'],
  ['386'],
  ['ppc64le'],
  ['s390x'],
  ['riscv64'],
] as const;

/** Images of different platforms, seven at most. */
export function imagesOf(count: number, options: Partial<Parameters<typeof tinyImage>[0]> = {}): TinyImage[] {
  return PLATFORMS.slice(0, count).map(([architecture, variant]) =>
    tinyImage({ architecture, ...(variant !== undefined && { variant }), ...options }),
  );
}

/** Seeds a repository with images under the tags `0`, `1` and so on. Returns their references. */
export function seedImages(registry: MemoryRegistry, path: string, images: readonly TinyImage[]): string[] {
  return images.map((image, position) => {
    registry.put(path, image, String(position));
    return `${registry.host}/${path}:${position}`;
  });
}
