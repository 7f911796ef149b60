import { stat, type FileHandle } from 'node:fs/promises';

import type { ReadOptions } from '../../content/source.js';
import { replaceFile } from '../../files/atomic-write.js';
import { ifExists, withFileErrors } from '../../files/file-error.js';
import type { Scratch } from '../../files/lock.js';
import { MODES } from '../../files/make-directory.js';
import { tryParseDigest, type Digest } from '../../oci/digest.js';
import { ConflictError, InvalidError } from '../../oci/errors.js';
import type { TarArchive } from '../tar/tar-archive.js';
import type { OpenTarLayout } from '../core/tar-layout-files.js';
import { INDEX_FILE, LAYOUT_FILE } from '../core/layout-documents.js';
import { EMPTY_LAYOUT_INDEX, findExactTag, type LayoutIndex } from '../core/layout-index.js';
import { layoutTar } from './layout-tar.js';
import { overlay, type LayoutBlobs } from '../core/layout-blobs.js';
import type { PendingManifests } from './pending-manifests.js';
import { ReachableContent } from '../core/reachable-content.js';
import type { IndexDocument } from '../../oci/document.js';
import { addReferrers, asReferrersList } from '../../oci/referrers.js';
import type { RefName } from '../../oci/reference.js';
import { LayoutReader } from '../core/layout-reader.js';

/** The number of foreign files that a message names. */
const MAX_NAMED_FILES = 5;

export interface Replacement {
  /** The archive, with no symbolic link in its path. */
  readonly path: string;
  /** The scratch file of the lock under which it is replaced. */
  readonly scratch: Scratch;
  /** The current archive; `undefined` if it does not exist. */
  readonly current: OpenTarLayout | undefined;
  readonly pending: PendingManifests;
  /** The blobs that were written and are not yet in the archive. */
  readonly staged: LayoutBlobs;
  /** The archive as it was when it was opened. Another process may have replaced it since. */
  readonly original: LayoutBlobs;
}

/**
 * Replaces an archive by one that includes the pending content. Other images of the current archive are kept;
 * unreachable content is dropped. The file is not written if nothing changes.
 *
 * @returns the staged digests that the archive contains now
 * @throws InvalidError if content is missing or damaged, or the archive cannot be replaced; ConflictError if another
 *   process has moved one of the tags; FailedError; CancelledError. The archive is unchanged then.
 */
export function replaceArchive(replacement: Replacement, options: ReadOptions = {}): Promise<Digest[]> {
  const { path, scratch, current, pending, staged, original } = replacement;
  return withFileErrors('write', path, async () => {
    if (current !== undefined) checkTags(pending, current.index, path);
    const files = overlay([staged, ...(current === undefined ? [] : [current.files]), original]);
    const { index, content } = await contentOf(replacement, files, options);
    const needed = new ReachableContent(files, path);
    for (const image of pending.images(content.documents)) await needed.addImage(image, options);
    checkComplete(needed, path);
    const added = await stagedDigests(content, staged);
    if (index === current?.index && added.length === 0) return added;
    if (current !== undefined) checkReplaceable(current.archive);
    await replaceFile(path, scratch, layoutTar(index, content, files, options), {
      mode: MODES.sharedFile,
      prepare: (file) => copyMode(path, file),
    });
    return added;
  });
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
  if (content.hasUnknownType && current !== undefined) {
    for (const digest of archivedBlobs(current.archive)) await content.addBlob(digest, options);
  }
  if (untagged.length === 0) return { index: tagged, content };
  return { index: { ...tagged, manifests: [...tagged.manifests, ...untagged] }, content };
}

/** @throws ConflictError if a commit would overwrite a tag that another process has moved */
function checkTags(pending: PendingManifests, current: LayoutIndex, path: string): void {
  const [moved] = pending.movedTags((tag) => findExactTag(current, tag, path)?.digest);
  if (moved === undefined) return;
  throw new ConflictError(
    `${path}: tag ${moved.tag} was moved by another process from ${moved.before ?? 'no image'} to ${moved.current ?? 'no image'}`,
    { hint: 'Check the image that it has now, then try again.' },
  );
}

function checkComplete({ missing }: ReachableContent, path: string): void {
  if (missing.size === 0) return;
  throw new InvalidError(
    `cannot write ${path}: ${[...missing].join(', ')} no longer exists in the archive or beside it`,
    { hint: 'Another process removed it. Try again.' },
  );
}

/**
 * Checks that the archive is an uncompressed image layout without other files, which a replacement would lose.
 * @throws InvalidError
 */
export function checkReplaceable(archive: TarArchive): void {
  const { path, compression } = archive;
  if (compression !== undefined) {
    throw new InvalidError(`cannot add to ${path}: it is compressed with ${compression}`, {
      hint: `Decompress it first with \`${compression} -d\`, or name another file.`,
    });
  }
  const others = archive.names().filter((name) => !isLayoutFile(name));
  if (others.length === 0) return;
  const more = others.length > MAX_NAMED_FILES ? ` and ${others.length - MAX_NAMED_FILES} more` : '';
  const names = others.slice(0, MAX_NAMED_FILES).map((name) => JSON.stringify(name));
  throw new InvalidError(
    `cannot add to ${path}: it has files that do not belong to an image layout: ${names.join(', ')}${more}`,
    { hint: 'It looks like the output of `docker save` or `ctr image export`. Name another file.' },
  );
}

function isLayoutFile(name: string): boolean {
  return name === LAYOUT_FILE || name === INDEX_FILE || name.startsWith('blobs/');
}

/** The digests of all blobs in an archive, reachable or not. */
function archivedBlobs(archive: TarArchive): Digest[] {
  return archive.names().flatMap((name) => {
    const [directory, algorithm, encoded, ...more] = name.split('/');
    if (directory !== 'blobs' || encoded === undefined || more.length > 0) return [];
    return tryParseDigest(`${algorithm}:${encoded}`) ?? [];
  });
}

async function stagedDigests({ documents, blobs }: ReachableContent, staged: LayoutBlobs): Promise<Digest[]> {
  const found: Digest[] = [];
  for (const digest of [...documents.keys(), ...blobs.keys()]) {
    if ((await staged.blobSize(digest)) !== undefined) found.push(digest);
  }
  return found;
}

/** Keeps the permissions of the old file, if it exists, but never lets everyone write. */
async function copyMode(path: string, file: FileHandle): Promise<void> {
  await ifExists(async () => {
    const { mode } = await stat(path);
    await file.chmod(mode & 0o775);
  });
}

/**
 * Merges a pending referrers list with the current one, to which another process may have added.
 *
 * @param path of the archive, for messages
 * @throws InvalidError if the tag is not a referrers list
 */
export async function mergeReferrers(
  list: IndexDocument,
  tag: RefName,
  { index, files }: OpenTarLayout,
  path: string,
  options: ReadOptions,
): Promise<IndexDocument> {
  const entry = findExactTag(index, tag, path);
  if (entry === undefined || entry.digest === list.digest) return list;
  const layout = new LayoutReader({ label: path, files });
  // Ours is based on an older version of theirs, which may have unknown fields: so ours is added to theirs.
  const theirs = asReferrersList(await layout.readManifest(entry.digest, options), `${path}:${tag}`);
  return addReferrers(theirs, list.value.manifests) ?? theirs;
}
