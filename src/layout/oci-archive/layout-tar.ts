import type { ReadOptions } from '../../content/source.js';
import type { Digest } from '../../oci/digest.js';
import { InvalidError } from '../../oci/errors.js';
import {
  blobPath,
  formatLayoutIndex,
  INDEX_FILE,
  LAYOUT_FILE,
  LAYOUT_FILE_TEXT,
} from '../core/layout-documents.js';
import type { LayoutIndex } from '../core/layout-index.js';
import type { LayoutBlobs } from '../core/layout-blobs.js';
import type { ReachableContent } from '../core/reachable-content.js';
import { TAR_END, tarHeader, tarPadding } from '../tar/tar-writing.js';

/**
 * Generates the chunks of an image layout's tar file. The output is reproducible: equal indexes and content give equal
 * bytes. The index comes first, then manifests and indexes, then configs and layers, each sorted by digest, so that a
 * reader of a pipe needs little memory.
 *
 * @throws InvalidError if a blob does not match its digest; the errors of `files`
 */
export async function* layoutTar(
  index: LayoutIndex,
  content: ReachableContent,
  files: LayoutBlobs,
  options: ReadOptions = {},
): AsyncGenerator<Uint8Array> {
  yield* smallFile(LAYOUT_FILE, LAYOUT_FILE_TEXT);
  yield* smallFile(INDEX_FILE, formatLayoutIndex(index));
  const blobs = [...sorted(content.documents), ...sorted(content.blobs)];
  for (const name of directoriesOf(blobs))
    yield tarHeader({ path: `${name}/`, type: 'Directory', mode: 0o755 });
  for (const [digest, size] of blobs) {
    const path = blobPath(digest).join('/');
    yield tarHeader({ path, size });
    const stream = await files.openBlob({ mediaType: '', digest, size }, options);
    if (stream === undefined)
      throw new InvalidError(`blob ${digest} was removed while the archive was written`);
    for await (const chunk of stream) yield chunk as Uint8Array;
    yield tarPadding(size);
  }
  yield TAR_END;
}

function* smallFile(path: string, text: string): Generator<Uint8Array> {
  const bytes = Buffer.from(text);
  yield tarHeader({ path, size: bytes.length });
  yield bytes;
  yield tarPadding(bytes.length);
}

function sorted(sizes: ReadonlyMap<Digest, number>): (readonly [Digest, number])[] {
  return [...sizes].toSorted(([a], [b]) => (a < b ? -1 : 1));
}

function directoriesOf(blobs: readonly (readonly [Digest, number])[]): string[] {
  const algorithms = new Set(blobs.map(([digest]) => blobPath(digest).slice(0, 2).join('/')));
  return ['blobs', ...[...algorithms].toSorted()];
}
