import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';

import { sha256 } from './docker-save.js';
import { tarFile, tarHeader, type TarPart } from './tar-file.js';

const PIECE = Buffer.alloc(1 << 20);

/**
 * Writes a sparse archive of an image with one layer of zeros, which needs little memory and disk space.
 *
 * @param form `oci` is an image layout, `docker` the format of docker 24 and older.
 * @param mebibytes The size of the layer.
 * @returns The digests of layer and config.
 */
export async function writeLargeArchive(
  path: string,
  form: 'oci' | 'docker',
  mebibytes: number,
): Promise<{ readonly layer: string; readonly config: string }> {
  const size = mebibytes * PIECE.length;
  const hash = createHash('sha256');
  for (let count = 0; count < mebibytes; count += 1) hash.update(PIECE);
  const layer = `sha256:${hash.digest('hex')}`;
  const config = Buffer.from(
    JSON.stringify({ architecture: 'arm64', os: 'linux', rootfs: { type: 'layers', diff_ids: [layer] } }),
  );
  const { name, others } = form === 'oci' ? layoutParts(layer, size, config) : savedParts(config);

  const file = await open(path, 'wx');
  try {
    const header = tarHeader({ name, size });
    await file.write(header, 0, header.length, 0);
    const rest = tarFile(others);
    // The layer is a hole in the file.
    await file.write(rest, 0, rest.length, header.length + size);
  } finally {
    await file.close();
  }
  return { layer, config: sha256(config) };
}

function layoutParts(
  layer: string,
  size: number,
  config: Buffer,
): { readonly name: string; readonly others: readonly TarPart[] } {
  const blob = (digest: string): string => `blobs/${digest.replace(':', '/')}`;
  const type = 'application/vnd.oci.image';
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: `${type}.manifest.v1+json`,
      config: { mediaType: `${type}.config.v1+json`, digest: sha256(config), size: config.length },
      layers: [{ mediaType: `${type}.layer.v1.tar`, digest: layer, size }],
    }),
  );
  const entry = { mediaType: `${type}.manifest.v1+json`, digest: sha256(manifest), size: manifest.length };
  return {
    name: blob(layer),
    others: [
      { name: blob(sha256(config)), content: config },
      { name: blob(sha256(manifest)), content: manifest },
      { name: 'index.json', content: JSON.stringify({ schemaVersion: 2, manifests: [entry] }) },
      { name: 'oci-layout', content: '{"imageLayoutVersion":"1.0.0"}' },
    ],
  };
}

function savedParts(config: Buffer): { readonly name: string; readonly others: readonly TarPart[] } {
  const name = 'layer/layer.tar';
  const file = `${sha256(config).slice('sha256:'.length)}.json`;
  return {
    name,
    others: [
      { name: file, content: config },
      { name: 'manifest.json', content: JSON.stringify([{ Config: file, RepoTags: null, Layers: [name] }]) },
    ],
  };
}
