import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** The hint for a directory with the files of a `docker save` archive; `undefined` for any other directory. */
export function unpackedHint(directory: string): string | undefined {
  const has = (name: string): boolean => existsSync(join(directory, name));
  if (!has('manifest.json') || has('oci-layout')) return undefined;
  return `It looks like an unpacked archive of \`docker save\`: pack it with \`tar -cf image.tar -C ${directory} .\`, and use docker-archive:image.tar.`;
}

/**
 * The hint for a file that may be either kind of archive.
 * @param image what follows the path: a tag, a digest or nothing
 */
export function archiveHint(path: string, image = ''): string {
  return `Write oci-archive:${path}${image}, or docker-archive:${path}${image} if \`docker save\` wrote it.`;
}
