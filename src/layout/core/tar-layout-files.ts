import { stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';

import type { ReadOptions } from '../../content/source.js';
import type { Descriptor } from '../../oci/descriptor.js';
import type { Digest } from '../../oci/digest.js';
import { InvalidError, NotFoundError } from '../../oci/errors.js';
import { TarArchive } from '../tar/tar-archive.js';
import { openVerified } from './layout-blobs.js';
import { blobPath, readLayoutIndex } from './layout-documents.js';
import type { LayoutIndex } from './layout-index.js';
import type { LayoutFiles } from './layout-reader.js';

/** An open archive of an image layout. */
export interface OpenTarLayout {
  readonly archive: TarArchive;
  readonly files: LayoutFiles;
  readonly index: LayoutIndex;
}

/**
 * Opens the archive of an image layout; `undefined` if the file does not exist or is empty, as `mktemp` creates it.
 * @throws InvalidError if it is anything else; FailedError; CancelledError
 */
export async function openTarLayout(
  path: string,
  { signal }: ReadOptions = {},
): Promise<OpenTarLayout | undefined> {
  const archive = await openIfExists(path, signal);
  if (archive === undefined) return undefined;
  try {
    const files = new TarLayoutFiles(archive);
    const index = await files.readIndex();
    if (index === undefined) throw notLayoutError(archive);
    return { archive, files, index };
  } catch (error) {
    archive.close();
    throw error;
  }
}

async function openIfExists(path: string, signal: AbortSignal | undefined): Promise<TarArchive | undefined> {
  try {
    if ((await archiveSize(path)) === 0) return undefined;
    return await TarArchive.open(path, { signal });
  } catch (error) {
    if (error instanceof NotFoundError) return undefined;
    throw error;
  }
}

/** The size of a file in bytes; `undefined` if it does not exist or cannot be accessed, which opening it reports. */
export async function archiveSize(path: string): Promise<number | undefined> {
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() === true ? found.size : undefined;
}

function notLayoutError(archive: TarArchive): InvalidError {
  const isDockerSave = archive.size('manifest.json') !== undefined;
  return new InvalidError(
    `${archive.path} is not the archive of an image layout: it has no oci-layout file`,
    {
      hint: isDockerSave
        ? `It looks like the output of \`docker save\`: use docker-archive:${archive.path}.`
        : 'If it should be, it is truncated: create or download it again.',
    },
  );
}

/** The files of an image layout in a tar file. The caller closes the archive. */
export class TarLayoutFiles implements LayoutFiles {
  readonly #archive: TarArchive;
  /** Read once: an open archive does not change. */
  #index: Promise<LayoutIndex | undefined> | undefined;

  constructor(archive: TarArchive) {
    this.#archive = archive;
  }

  readIndex(): Promise<LayoutIndex | undefined> {
    const archive = this.#archive;
    this.#index ??= readLayoutIndex({
      read: (name, limit) => archive.readSmallFile(name, limit),
      label: (name) => `${name} of ${archive.path}`,
    });
    return this.#index;
  }

  async blobSize(digest: Digest): Promise<number | undefined> {
    return this.#archive.size(blobName(digest));
  }

  async openBlob(descriptor: Descriptor, { signal }: ReadOptions = {}): Promise<Readable | undefined> {
    const name = blobName(descriptor.digest);
    return openVerified(descriptor, this.#archive.path, signal, async () => this.#archive.openFile(name));
  }
}

function blobName(digest: Digest): string {
  return blobPath(digest).join('/');
}
