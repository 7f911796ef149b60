import { chmod, stat } from 'node:fs/promises';

import type { ReadOptions } from '../../content/source.js';
import { replaceFile } from '../../files/atomic-write.js';
import { errorCode, fileError } from '../../files/file-error.js';
import { tryParseDigest, type Digest } from '../../oci/digest.js';
import { ConflictError, InvalidError } from '../../oci/errors.js';
import type { TarArchive } from '../tar/tar-archive.js';
import type { OpenTarLayout } from '../core/tar-layout-files.js';
import { INDEX_FILE, MARKER_FILE } from '../core/layout-documents.js';
import { EMPTY_LAYOUT_INDEX, findTag, type LayoutIndex } from '../core/layout-index.js';
import { layoutTar } from './layout-tar.js';
import { overlay, type LayoutBlobs } from '../core/overlay.js';
import type { PendingManifests } from './pending-manifests.js';
import { ReachableContent } from '../core/reachable-content.js';
import type { IndexDocument } from '../../oci/document.js';
import { addReferrer, asReferrersList } from '../../oci/referrers.js';
import type { Tag } from '../../oci/reference.js';
import { LayoutReader } from '../core/layout-reader.js';

/** Of files that do not belong, how many a message names. */
const NAMED = 5;

export interface Replacement {
  /** The archive, with no symbolic link in its path. */
  readonly path: string;
  /** The scratch file of the lock under which it is replaced. */
  readonly scratch: string;
  /** What is in the archive by now; `undefined` where there is none. */
  readonly current: OpenTarLayout | undefined;
  readonly pending: PendingManifests;
  /** What was written and is not in the archive yet. */
  readonly staged: LayoutBlobs;
  /** The archive as it was when it was written to. Another process may have replaced it since. */
  readonly opened: LayoutBlobs;
}

/**
 * Replaces an archive by one with what is pending. What the other images of the file need stays, as the file is by now;
 * what no image needs any more is left out. Where nothing would change, the file is left alone.
 *
 * @returns the digests that are in the file now and were staged
 * @throws InvalidError where content is missing or damaged, or the file is none that can be replaced, ConflictError where
 *   another process has moved one of the tags, FailedError, CancelledError; the file is as it was then
 */
export async function replaceArchive(replacement: Replacement, options: ReadOptions = {}): Promise<Digest[]> {
  const { path, scratch, current, pending, staged, opened } = replacement;
  try {
    if (current !== undefined) checkTags(pending, current.index, path);
    const files = overlay([staged, ...(current === undefined ? [] : [current.files]), opened]);
    const { index, content } = await contentOf(replacement, files, options);
    const needed = new ReachableContent(files, path);
    for (const image of pending.images(content.documents)) await needed.addImage(image, options);
    checkWhole(needed, path);
    const added = await stagedAmong(content, staged);
    if (index === current?.index && added.length === 0) return added;
    if (current !== undefined) checkReplaceable(current.archive);
    await keepMode(path, scratch);
    await replaceFile(path, scratch, layoutTar(index, content, files, options));
    return added;
  } catch (error) {
    throw fileError('write', path, error);
  }
}

async function contentOf(
  { current, pending, path }: Replacement,
  files: LayoutBlobs,
  options: ReadOptions,
): Promise<{ readonly index: LayoutIndex; readonly content: ReachableContent }> {
  const tagged = pending.tagged(current?.index ?? EMPTY_LAYOUT_INDEX);
  const content = new ReachableContent(files, path);
  for (const image of tagged.manifests) await content.addImage(image, options);
  const untagged = pending.untagged().filter(({ digest }) => !content.documents.has(digest));
  for (const image of untagged) await content.addImage(image, options);
  if (content.opaque && current !== undefined) {
    for (const digest of blobsIn(current.archive)) await content.addBlob(digest, options);
  }
  if (untagged.length === 0) return { index: tagged, content };
  return { index: { ...tagged, manifests: [...tagged.manifests, ...untagged] }, content };
}

/** Somebody else's image must not be lost, nor one be reported as replaced that was not. */
function checkTags(pending: PendingManifests, current: LayoutIndex, path: string): void {
  const [moved] = pending.moved((tag) => findTag(current, tag, path)?.digest);
  if (moved === undefined) return;
  throw new ConflictError(
    `${path}: the tag ${moved.tag} was moved by another process meanwhile, from ${moved.before ?? 'no image'} to ${moved.current ?? 'no image'}`,
    { hint: 'Look at what it stands for now, and try again.' },
  );
}

function checkWhole({ missing }: ReachableContent, path: string): void {
  if (missing.size === 0) return;
  throw new InvalidError(
    `${path} cannot be written: ${[...missing].join(', ')} is there no more, in the file or beside it`,
    { hint: 'Somebody removed it meanwhile: try again.' },
  );
}

/**
 * The new file is a plain tar file of an image layout, and nothing else.
 * @throws InvalidError where the old one is more than that, or compressed
 */
export function checkReplaceable(archive: TarArchive): void {
  const { path, compression } = archive;
  if (compression !== undefined) {
    throw new InvalidError(`${path} is compressed with ${compression}, and cannot be added to`, {
      hint: `Decompress it first, with \`${compression} -d\`, or name another file.`,
    });
  }
  const others = archive.names().filter((name) => !isOfLayout(name));
  if (others.length === 0) return;
  const more = others.length > NAMED ? ` and ${others.length - NAMED} more` : '';
  const names = others.slice(0, NAMED).map((name) => JSON.stringify(name));
  throw new InvalidError(
    `${path} cannot be added to: it holds files that are not of an image layout, ${names.join(', ')}${more}`,
    { hint: '`docker save` and `ctr image export` write such files: name another file.' },
  );
}

function isOfLayout(name: string): boolean {
  return name === MARKER_FILE || name === INDEX_FILE || name.startsWith('blobs/');
}

/** The digests of all blobs that an archive holds under their names, needed or not. */
function blobsIn(archive: TarArchive): Digest[] {
  return archive.names().flatMap((name) => {
    const [directory, algorithm, encoded, ...more] = name.split('/');
    if (directory !== 'blobs' || encoded === undefined || more.length > 0) return [];
    return tryParseDigest(`${algorithm}:${encoded}`) ?? [];
  });
}

async function stagedAmong({ documents, blobs }: ReachableContent, staged: LayoutBlobs): Promise<Digest[]> {
  const found: Digest[] = [];
  for (const digest of [...documents.keys(), ...blobs.keys()]) {
    if ((await staged.blobSize(digest)) !== undefined) found.push(digest);
  }
  return found;
}

/** Who could not read the old file must not be able to read the new one. */
async function keepMode(path: string, scratch: string): Promise<void> {
  try {
    const { mode } = await stat(path);
    await chmod(scratch, mode & 0o777);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
  }
}

/**
 * Joins a list of referrers that is to be put under its tag with the one that is there by now: another process may have
 * added to it, and neither is to undo what the other did.
 *
 * @param path of the archive, for messages
 * @throws InvalidError where the tag holds something else
 */
export async function mergeReferrers(
  list: IndexDocument,
  tag: Tag,
  { index, files }: OpenTarLayout,
  path: string,
  options: ReadOptions,
): Promise<IndexDocument> {
  const entry = findTag(index, tag, path);
  if (entry === undefined || entry.digest === list.digest) return list;
  const layout = new LayoutReader({ label: path, files });
  // Theirs is what is added to: it may hold what is unknown here, and ours was made from what it was before.
  const theirs = asReferrersList(await layout.readManifest(entry.digest, options), `${path}:${tag}`);
  return list.value.manifests.reduce((merged, referrer) => addReferrer(merged, referrer), theirs);
}
