import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';

import { onTestFinished } from 'vitest';

import { TarArchive } from '../../src/layout/tar/tar-archive.js';
import { InvalidError } from '../../src/oci/errors.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

/** A file of these bytes that is removed when the test ends. */
export async function temporaryFile(bytes: Uint8Array, name = 'images.tar'): Promise<string> {
  const path = join(await temporaryDirectory(), name);
  await writeFile(path, bytes);
  return path;
}

/** Opens an archive of these bytes until the test ends. */
export async function openArchive(bytes: Uint8Array): Promise<TarArchive> {
  return openUntilEnd(await temporaryFile(bytes));
}

/** Opens a file until the test ends. */
export async function openUntilEnd(path: string): Promise<TarArchive> {
  const archive = await TarArchive.open(path);
  onTestFinished(() => archive.close());
  return archive;
}

/** What an archive of these bytes is refused with. The path is left out of the message. */
export async function openError(bytes: Uint8Array): Promise<InvalidError> {
  const path = await temporaryFile(bytes);
  const error: unknown = await TarArchive.open(path).then(
    (archive) => {
      archive.close();
      return undefined;
    },
    (reason: unknown) => reason,
  );
  if (!(error instanceof InvalidError))
    throw new Error('it is not refused with InvalidError', { cause: error });
  return new InvalidError(error.message.replaceAll(path, 'FILE'), { hint: error.hint });
}

/** Opens a file that must be there. */
export function openFile(archive: TarArchive, name: string): Readable {
  const stream = archive.openFile(name);
  if (stream === undefined) throw new Error(`${name} does not exist`);
  return stream;
}

/** All files of an archive, as text, in its order. */
export async function filesOf(archive: TarArchive): Promise<[name: string, content: string][]> {
  const files: [string, string][] = [];
  for (const name of archive.names()) {
    const content = await buffer(openFile(archive, name));
    if (content.length !== archive.size(name)) throw new Error(`${name} has another size than it says`);
    files.push([name, content.toString()]);
  }
  return files;
}
