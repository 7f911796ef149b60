import { createHash } from 'node:crypto';
import { lstat, readdir, rm, utimes } from 'node:fs/promises';
import { join } from 'node:path';

import { MAX_KEPT_BYTES, type ContentCache } from '../content/content-cache.js';
import { writeFileAtomically } from '../files/atomic-write.js';
import { errorCode, fileError, ifExists } from '../files/file-error.js';
import { MODES } from '../files/make-directory.js';
import { readOwnFile } from '../files/own-file.js';
import { makePrivateDirectory } from '../files/private-directory.js';
import { sweep } from '../files/sweep.js';
import { digestAlgorithm, digestOf, type Digest } from '../oci/digest.js';
import { formatRepository, type Repository } from '../oci/reference.js';
import { CONTENT } from './cache-usage.js';

/** The bounds of a cache. */
export interface CacheBounds {
  /** The number of folders that the files are spread over, 256 at most. */
  readonly folders: number;
  /** The most files of one folder. */
  readonly files: number;
  /** The most bytes of one folder. */
  readonly bytes: number;
}

/** 8,192 files and 64 MiB at most. A write looks through one folder only. */
const BOUNDS: CacheBounds = { folders: 256, files: 32, bytes: MAX_KEPT_BYTES };

/** The age in milliseconds from which a file that is used is marked as used. */
const MARK_AFTER = 24 * 3_600_000;

/** In the directory of the content, for the temporary files of all folders. */
const TEMPORARY = 'tmp';
const FILE_NAME = /^[0-9a-f]{64}$/;

export interface FileCacheOptions {
  /** The cache directory of the program; `undefined` if nothing names one. */
  readonly directory: string | undefined;
  /** Called once, with the reason, when the cache cannot be used. */
  readonly onFailure?: ((reason: string) => void) | undefined;
  /** @default {@link BOUNDS} */
  readonly bounds?: CacheBounds | undefined;
}

/**
 * A {@link ContentCache} in files. A file has the bytes of one document, and is named by the SHA-256 of repository and
 * digest: `content/3f/…`. The bytes are verified whenever they are read, so the files need not be trusted; a wrong one is
 * removed. Any number of processes can use one cache: each file is written whole or not at all, and may be removed at any
 * time. A folder that exceeds its bounds loses the files that were not used for the longest time.
 */
export class FileCache implements ContentCache {
  readonly #options: FileCacheOptions;
  readonly #bounds: CacheBounds;
  /** The bytes that are being written, by the name of their file: the same run may read them at once. */
  readonly #pending = new Map<string, { readonly bytes: Uint8Array; readonly written: Promise<void> }>();
  #content: Promise<string | undefined> | undefined;
  #swept: Promise<string> | undefined;
  #hasFailed = false;

  constructor(options: FileCacheOptions) {
    this.#options = options;
    this.#bounds = options.bounds ?? BOUNDS;
  }

  async get(repository: Repository, digest: Digest): Promise<Uint8Array | undefined> {
    const [folder, file] = this.#name(repository, digest);
    const pending = this.#pending.get(file);
    if (pending !== undefined) return pending.bytes;
    const content = await (this.#content ??= this.#open());
    if (content === undefined) return undefined;
    try {
      return await readKept(join(content, folder, file), digest);
    } catch (error) {
      this.#fail('read', content, error);
      return undefined;
    }
  }

  put(repository: Repository, digest: Digest, bytes: Uint8Array): void {
    if (bytes.length > MAX_KEPT_BYTES || digestAlgorithm(digest) === undefined) return;
    const name = this.#name(repository, digest);
    const [, file] = name;
    if (this.#pending.has(file)) return;
    const written = this.#write(name, bytes)
      // The handler of the failure has failed.
      .catch(() => {})
      .finally(() => this.#pending.delete(file));
    this.#pending.set(file, { bytes, written });
  }

  /** Waits until all bytes that were put are kept. */
  async flush(): Promise<void> {
    await Promise.all([...this.#pending.values()].map(({ written }) => written));
  }

  /** Returns the directory of the content; `undefined` if it cannot be used. */
  async #open(): Promise<string | undefined> {
    const { directory } = this.#options;
    try {
      if (directory === undefined) throw new Error('the user has no home directory');
      await makePrivateDirectory(directory);
      const content = join(directory, CONTENT);
      await makePrivateDirectory(content);
      return content;
    } catch (error) {
      this.#fail('use', directory ?? 'the cache', error);
      return undefined;
    }
  }

  async #write([folder, file]: readonly [string, string], bytes: Uint8Array): Promise<void> {
    const content = await (this.#content ??= this.#open());
    if (content === undefined) return;
    try {
      const directory = join(content, folder);
      const path = join(directory, file);
      if (await isKept(path, bytes.length)) return;
      await makePrivateDirectory(directory);
      const temporaryDirectory = await (this.#swept ??= makeTemporaryDirectory(content));
      // Not durable: a file that a power failure has damaged is removed when it is read.
      const options = { temporaryDirectory, mode: MODES.privateFile, isDurable: false };
      await writeFileAtomically(path, bytes, options);
      await trim(directory, this.#bounds);
    } catch (error) {
      // Removed in between: the cache was cleared.
      if (errorCode(error) !== 'ENOENT') this.#fail('write', content, error);
    }
  }

  /** The folder and the name of a file. */
  #name(repository: Repository, digest: Digest): readonly [string, string] {
    const name = `${formatRepository(repository)}@${digest}`;
    const hash = createHash('sha256').update(name).digest();
    const folder = hash.readUInt8(0) % this.#bounds.folders;
    return [folder.toString(16).padStart(2, '0'), hash.toString('hex')];
  }

  #fail(action: string, path: string, error: unknown): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.#options.onFailure?.(fileError(action, path, error).message);
  }
}

/** Creates the directory of temporary files, and removes what killed processes have left in it. */
async function makeTemporaryDirectory(content: string): Promise<string> {
  const path = join(content, TEMPORARY);
  await makePrivateDirectory(path);
  await sweep(path);
  return path;
}

/** Reads a file and marks it as used. Removes what does not have the digest. */
async function readKept(path: string, digest: Digest): Promise<Uint8Array | undefined> {
  const algorithm = digestAlgorithm(digest);
  if (algorithm === undefined) return undefined;
  const bytes = await ifExists(() => readSmall(path));
  if (bytes === undefined) return undefined;
  if (bytes !== 'other' && digestOf(bytes, algorithm) === digest) return bytes;
  await rm(path, { recursive: true, force: true });
  return undefined;
}

async function readSmall(path: string): Promise<Uint8Array | 'other'> {
  const file = await readOwnFile(path, MAX_KEPT_BYTES).catch((error: unknown) => {
    // A symbolic link, or a socket.
    if (['ELOOP', 'EMLINK', 'ENXIO'].includes(errorCode(error) ?? '')) return undefined;
    throw error;
  });
  if (file === undefined) return 'other';
  if (Date.now() - file.mtimeMs > MARK_AFTER) await markUsed(path);
  return file.bytes;
}

/** Reports whether a file of this size exists, and marks it as used. Its bytes are verified when it is read. */
async function isKept(path: string, size: number): Promise<boolean> {
  const stats = await ifExists(() => lstat(path));
  if (stats?.isFile() !== true || stats.size !== size) return false;
  if (Date.now() - stats.mtimeMs > MARK_AFTER) await markUsed(path);
  return true;
}

/** A file system that is read-only keeps the time. */
async function markUsed(path: string): Promise<void> {
  const now = new Date();
  await utimes(path, now, now).catch(() => {});
}

/** Removes the files of a folder that were not used for the longest time, until it is within its bounds. */
async function trim(directory: string, bounds: CacheBounds): Promise<void> {
  const names = (await readdir(directory)).filter((name) => FILE_NAME.test(name));
  const files = await Promise.all(
    names.map(async (name) => {
      const path = join(directory, name);
      const stats = await ifExists(() => lstat(path));
      return stats === undefined ? [] : [{ path, size: stats.size, used: stats.mtimeMs }];
    }),
  );
  let [kept, bytes] = [0, 0];
  for (const { path, size } of files.flat().toSorted((a, b) => b.used - a.used)) {
    kept += 1;
    bytes += size;
    if (kept > bounds.files || bytes > bounds.bytes) await rm(path, { recursive: true, force: true });
  }
}
