/** The process that `oci-archive-process.ts` starts: pushes images into an archive. */
import { MemoryStore } from '../../src/content/memory-store.js';
import { OciArchive } from '../../src/layout/oci-archive/oci-archive.js';
import { MultiarchError } from '../../src/oci/errors.js';
import { parseDocument } from '../../src/oci/parse.js';
import { parseTag } from '../../src/oci/reference.js';
import type { OciArchiveJob, OciArchiveJobResult } from './oci-archive-process.js';

const { path, tags, layerSize = 1000 } = JSON.parse(process.argv[2] ?? '') as OciArchiveJob;
console.log(JSON.stringify(await work()));

async function work(): Promise<OciArchiveJobResult> {
  try {
    for (const tag of tags) await push(tag);
    return {};
  } catch (error) {
    if (!(error instanceof MultiarchError)) throw error;
    return { error: { kind: error.kind, message: error.message, hint: error.hint ?? '' } };
  }
}

async function push(tag: string): Promise<void> {
  const from = new MemoryStore();
  const config = from.addBlob(Buffer.from('{}'), 'application/vnd.oci.image.config.v1+json');
  const layer = from.addBlob(Buffer.alloc(layerSize, `${tag}\n`), 'application/vnd.oci.image.layer.v1.tar');
  const archive = new OciArchive({ path });
  try {
    for (const blob of [config, layer]) await archive.copyBlob(blob, from);
    const manifest = {
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config,
      layers: [layer],
    };
    await archive.writeManifest(parseDocument(Buffer.from(JSON.stringify(manifest))), { tag: parseTag(tag) });
    await archive.commit();
  } finally {
    archive.close();
  }
}
