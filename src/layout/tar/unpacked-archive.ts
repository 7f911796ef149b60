import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** The hint for a directory with the files of a `docker save` archive; `undefined` for any other directory. */
export function unpackedHint(directory: string): string | undefined {
  const has = (name: string): boolean => existsSync(join(directory, name));
  if (!has('manifest.json') || has('oci-layout')) return undefined;
  return `It looks like an unpacked archive of \`docker save\`: pack it with \`tar -cf image.tar -C ${directory} .\`, and use docker-archive:image.tar.`;
}
