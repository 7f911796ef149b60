import { stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';

import { cancelStream, checkCancelled } from '../../content/cancellation.js';
import type { ReadOptions } from '../../content/source.js';
import { verifiableAlgorithm, verifiedStream } from '../../content/verified-stream.js';
import type { Descriptor } from '../../oci/descriptor.js';
import type { Digest } from '../../oci/digest.js';
import { InvalidError, NotFoundError } from '../../oci/errors.js';
import { TarArchive } from '../tar/tar-archive.js';
import { blobPath, readLayoutIndex } from './layout-documents.js';
import type { LayoutIndex } from './layout-index.js';
import type { LayoutFiles } from './layout-reader.js';

/** The image layout in a tar file. Closing the archive is up to the caller. */
export function tarLayoutFiles(archive: TarArchive): LayoutFiles {
  return new ArchiveLayout(archive);
}

/** An archive of an image layout that is open. */
export interface OpenTarLayout {
  readonly archive: TarArchive;
  readonly files: LayoutFiles;
  readonly index: LayoutIndex;
}

/**
 * Opens an archive that must be that of an image layout. `undefined` where there is no such file, or an empty one, as
 * `mktemp` makes it.
 * @throws InvalidError where it is something else; FailedError, CancelledError
 */
export async function openTarLayout(
  path: string,
  { signal }: ReadOptions = {},
): Promise<OpenTarLayout | undefined> {
  const archive = await openIfThere(path, signal);
  if (archive === undefined) return undefined;
  try {
    const files = tarLayoutFiles(archive);
    const index = await files.readIndex();
    if (index === undefined) throw notLayout(archive);
    return { archive, files, index };
  } catch (error) {
    archive.close();
    throw error;
  }
}

async function openIfThere(path: string, signal: AbortSignal | undefined): Promise<TarArchive | undefined> {
  try {
    if ((await archiveSize(path)) === 0) return undefined;
    return await TarArchive.open(path, { signal });
  } catch (error) {
    if (error instanceof NotFoundError) return undefined;
    throw error;
  }
}

/** Of a file in bytes; `undefined` where there is none, or none that can be looked at, which is told when it is opened. */
export async function archiveSize(path: string): Promise<number | undefined> {
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() === true ? found.size : undefined;
}

function notLayout(archive: TarArchive): InvalidError {
  const isDockers = archive.size('manifest.json') !== undefined;
  return new InvalidError(
    `${archive.path} is not the tar file of an image layout: it has no oci-layout file`,
    {
      hint: isDockers
        ? `\`docker save\` writes such files: name it docker-archive:${archive.path}.`
        : 'If it should be one, it is cut off: write or download it again.',
    },
  );
}

class ArchiveLayout implements LayoutFiles {
  readonly #archive: TarArchive;
  /** Read once: an archive that is open does not change. */
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
    return this.#archive.size(fileName(digest));
  }

  async openBlob(descriptor: Descriptor, { signal }: ReadOptions = {}): Promise<Readable | undefined> {
    const { digest } = descriptor;
    checkCancelled(signal, `read ${digest}`);
    const name = fileName(digest);
    verifiableAlgorithm(digest);
    const content = this.#archive.openFile(name);
    if (content === undefined) return undefined;
    const verified = verifiedStream(content, descriptor, this.#archive.path);
    return cancelStream(verified, signal, `read ${digest}`);
  }
}

function fileName(digest: Digest): string {
  return blobPath(digest).join('/');
}
