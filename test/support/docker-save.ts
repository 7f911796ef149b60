import { createHash } from 'node:crypto';

import { tarFile, type TarPart } from './tar-file.js';
import { tarOf } from './tiny-tar.mjs';

/** An image as docker stores it: the exact bytes of the config, and uncompressed layers. */
export interface KeptImage {
  readonly config: Buffer;
  readonly layers: readonly Uint8Array[];
  /** `RepoTags`. */
  readonly names: readonly string[] | null;
}

/** An image with one small layer for each text. */
export function keptImage(
  names: readonly string[] | null,
  texts: readonly string[] = ['hello'],
  members: Readonly<Record<string, unknown>> = {},
): KeptImage {
  const layers = texts.map((text, position) => tarOf(`file${position}`, Buffer.from(text)));
  return imageOf(names, layers, members);
}

/** @param members Members of the config that replace the usual ones. */
export function imageOf(
  names: readonly string[] | null,
  layers: readonly Uint8Array[],
  members: Readonly<Record<string, unknown>> = {},
): KeptImage {
  const config = {
    architecture: 'arm64',
    os: 'linux',
    config: { Cmd: ['/hello'] },
    rootfs: { type: 'layers', diff_ids: layers.map(sha256) },
    ...members,
  };
  // The indentation shows whether the bytes are preserved.
  return { config: Buffer.from(JSON.stringify(config, undefined, 1)), layers, names };
}

/**
 * The files that `docker save` writes up to docker 24: every layer in its own directory, and a symbolic link for a layer
 * that an earlier image has, too.
 */
export function savedParts(images: readonly KeptImage[]): TarPart[] {
  const seen = new Map<string, string>();
  const layerParts = images.flatMap(({ layers }, image) =>
    layers.map((content, position): TarPart => {
      const name = layerName(image, position);
      const known = seen.get(sha256(content));
      seen.set(sha256(content), known ?? name);
      return known === undefined ? { name, content } : { name, type: '2', target: `../${known}` };
    }),
  );
  return [
    ...images.map(({ config }) => ({ name: configName(config), content: config })),
    ...layerParts,
    { name: 'manifest.json', content: JSON.stringify(images.map(listed)) },
    { name: 'repositories', content: '{}' },
  ];
}

/** An archive as docker 24 and older write it. */
export function dockerSave(...images: readonly KeptImage[]): Buffer {
  return tarFile(savedParts(images));
}

/** The entry of an image in `manifest.json`. */
export function listed({ config, names, layers }: KeptImage, image = 0): Record<string, unknown> {
  return {
    Config: configName(config),
    RepoTags: names,
    Layers: layers.map((_, position) => layerName(image, position)),
  };
}

export function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function configName(config: Uint8Array): string {
  return `${sha256(config).slice('sha256:'.length)}.json`;
}

function layerName(image: number, position: number): string {
  return `${image}${position}/layer.tar`;
}
