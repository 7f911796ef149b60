import { Header } from 'tar/header';
import { Pax } from 'tar/pax';

import type { ReadOptions } from '../../content/source.js';
import type { Digest } from '../../oci/digest.js';
import { InvalidError } from '../../oci/errors.js';
import { blobPath, INDEX_FILE, MARKER_FILE, MARKER_TEXT } from '../core/layout-documents.js';
import type { LayoutIndex } from '../core/layout-index.js';
import type { LayoutBlobs } from '../core/overlay.js';
import type { ReachableContent } from '../core/reachable-content.js';

const BLOCK = 512;

interface Entry {
  readonly path: string;
  /** In bytes. */
  readonly size?: number;
  readonly type?: 'Directory';
  readonly mode?: number;
}

/**
 * The tar file of an image layout, in pieces: the same bytes for the same index and content, whoever writes it and
 * when. What a reader needs first comes first: the index, then manifests and indexes, then configs and layers, those of a
 * kind in the order of their digests; so one who reads from a pipe has to keep little.
 *
 * POSIX ustar, with a pax header for what it has no room for: names as long as those of sha512 digests have, and
 * sizes of 8 GiB and more.
 *
 * @throws InvalidError where a blob is not what its digest says; what its place fails with
 */
export async function* layoutTar(
  index: LayoutIndex,
  content: ReachableContent,
  files: LayoutBlobs,
  options: ReadOptions = {},
): AsyncGenerator<Uint8Array> {
  yield* smallFile(MARKER_FILE, MARKER_TEXT);
  yield* smallFile(INDEX_FILE, JSON.stringify(index));
  const blobs = [...sorted(content.documents), ...sorted(content.blobs)];
  for (const name of directoriesOf(blobs))
    yield* header({ path: `${name}/`, type: 'Directory', mode: 0o755 });
  for (const [digest, size] of blobs) {
    const path = blobPath(digest).join('/');
    yield* header({ path, size });
    const stream = await files.openBlob({ mediaType: '', digest, size }, options);
    if (stream === undefined) throw new InvalidError(`blob ${digest} was removed while it was to be copied`);
    for await (const chunk of stream) yield chunk as Uint8Array;
    yield padding(size);
  }
  yield Buffer.alloc(2 * BLOCK);
}

function* smallFile(path: string, text: string): Generator<Uint8Array> {
  const bytes = Buffer.from(text);
  yield* header({ path, size: bytes.length });
  yield bytes;
  yield padding(bytes.length);
}

function* header(entry: Entry): Generator<Uint8Array> {
  const { path, size = 0 } = entry;
  const owner = { uid: 0, gid: 0, mtime: new Date(0) };
  const block = Buffer.alloc(BLOCK);
  const isTooLong = new Header({ type: 'File', mode: 0o644, ...entry, size, ...owner }).encode(block);
  if (isTooLong) yield new Pax({ path, size, ...owner }).encode();
  yield block;
}

/** What fills the last block. */
function padding(size: number): Uint8Array {
  return Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);
}

function sorted(sizes: ReadonlyMap<Digest, number>): (readonly [Digest, number])[] {
  return [...sizes].toSorted(([a], [b]) => (a < b ? -1 : 1));
}

function directoriesOf(blobs: readonly (readonly [Digest, number])[]): string[] {
  const algorithms = new Set(blobs.map(([digest]) => blobPath(digest).slice(0, 2).join('/')));
  return ['blobs', ...[...algorithms].toSorted()];
}
