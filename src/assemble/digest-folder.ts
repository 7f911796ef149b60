import { readdir } from 'node:fs/promises';

import { isVerifiableDigest, type Digest } from '../oci/digest.js';
import { FailedError, InvalidError, NotFoundError } from '../oci/errors.js';

/** More would bury what the message says. */
const MAX_NAMED = 10;

/**
 * The digests that the files of a folder are named by: `HEX`, `sha256-HEX` or `sha256:HEX` (sha512 likewise). This is
 * how the jobs of a build leave what they pushed for the job that joins it. Names that begin with a dot do not count.
 *
 * @param label what messages call the folder
 * @returns each once, sorted: the same files give the same index on every machine
 * @throws InvalidError that lists the other names, or where there is no digest at all
 */
export function digestsOfNames(names: readonly string[], label = 'the digest folder'): Digest[] {
  const digests = new Set<Digest>();
  const others: string[] = [];
  for (const name of names) {
    if (name.startsWith('.')) continue;
    const digest = digestOfName(name);
    if (digest === undefined) others.push(name);
    else digests.add(digest);
  }
  if (others.length > 0) throw strangeNames(label, others);
  if (digests.size === 0) {
    throw new InvalidError(`${label} holds no file that is named by a digest`, {
      hint: 'Each build job leaves one file there, named by the digest of the image that it pushed.',
    });
  }
  return [...digests].toSorted();
}

/**
 * As {@link digestsOfNames}, for what is in this directory. What the files hold is not read.
 * @throws NotFoundError, FailedError where it cannot be read; InvalidError
 */
export async function readDigestFolder(path: string): Promise<Digest[]> {
  let names: string[];
  try {
    names = await readdir(path);
  } catch (error) {
    throw readError(path, error);
  }
  return digestsOfNames(names, path);
}

function digestOfName(name: string): Digest | undefined {
  const text = /^[0-9a-f]{64}$/.test(name) ? `sha256:${name}` : name.replace(/^(sha(?:256|512))-/, '$1:');
  return isVerifiableDigest(text) ? text : undefined;
}

function strangeNames(label: string, names: readonly string[]): InvalidError {
  const shown = names
    .toSorted()
    .slice(0, MAX_NAMED)
    .map((name) => JSON.stringify(name));
  const more = names.length > MAX_NAMED ? ` and ${names.length - MAX_NAMED} more` : '';
  return new InvalidError(`${label} holds what is not named by a digest: ${shown.join(', ')}${more}`, {
    hint: 'A file there is named by 64 lower-case hexadecimal digits, with "sha256-" or "sha256:" before them or not; folders in it are not looked into.',
  });
}

function readError(path: string, error: unknown): Error {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') {
    return new NotFoundError(`cannot read ${path}: there is no such directory`, { cause: error });
  }
  if (code === 'ENOTDIR') {
    return new FailedError(`cannot read ${path}: it is not a directory`, { cause: error });
  }
  const reason = error instanceof Error ? error.message : String(error);
  return new FailedError(`cannot read ${path}: ${reason}`, { cause: error });
}
