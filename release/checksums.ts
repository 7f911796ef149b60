import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

/** A file of a release. */
export interface ReleaseFile {
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  /** In hexadecimal. */
  readonly sha256: string;
}

/** Returns the files of a directory, sorted by name. */
export async function filesIn(directory: string): Promise<readonly ReleaseFile[]> {
  const names = (await readdir(directory)).toSorted();
  return Promise.all(
    names.map(async (name) => {
      const path = join(directory, name);
      const { size } = await stat(path);
      return { name, size, sha256: await sha256Of(path) };
    }),
  );
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/** Returns the text of `SHA256SUMS`, which `sha256sum --check` reads. */
export function formatChecksums(files: readonly ReleaseFile[]): string {
  return files.map(({ name, sha256 }) => `${sha256}  ${name}\n`).join('');
}
