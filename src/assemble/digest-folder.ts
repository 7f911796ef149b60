import { readdir } from 'node:fs/promises';

import { fileError } from '../files/file-error.js';
import { isVerifiableDigest, type Digest } from '../oci/digest.js';
import { FailedError, InvalidError, MISSING_PATH_HINT, NotFoundError } from '../oci/errors.js';

/** Limits the length of the message. */
const MAX_NAMED = 10;

/**
 * Returns the digests that the files of a folder are named after: `HEX`, `sha256-HEX` or `sha256:HEX` (sha512
 * likewise). Build jobs leave such files for the job that assembles the index. Ignores names that start with a dot.
 *
 * @param label the name of the folder in messages
 * @returns the digests, sorted and without duplicates: equal files give equal indexes on every machine
 * @throws InvalidError that lists the other names, or if there are no digests
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
  if (others.length > 0) throw otherNames(label, others);
  if (digests.size === 0) {
    throw new InvalidError(`${label} has no file that is named after a digest`, {
      hint: 'Each build job creates one file there, named after the digest of the image that it pushed.',
    });
  }
  return [...digests].toSorted();
}

/**
 * Returns the digests that the files of a directory are named after, as {@link digestsOfNames}. Does not read the files.
 * @throws NotFoundError, FailedError if it cannot be read; InvalidError
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

function otherNames(label: string, names: readonly string[]): InvalidError {
  const shown = names
    .toSorted()
    .slice(0, MAX_NAMED)
    .map((name) => JSON.stringify(name));
  const more = names.length > MAX_NAMED ? ` and ${names.length - MAX_NAMED} more` : '';
  return new InvalidError(
    `${label} has entries that are not named after a digest: ${shown.join(', ')}${more}`,
    {
      hint: 'A name is 64 lower-case hexadecimal digits, with or without "sha256-" or "sha256:" before them. Subdirectories are not read.',
    },
  );
}

function readError(path: string, error: unknown): Error {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') {
    return new NotFoundError(`cannot read ${path}: no such directory`, {
      hint: MISSING_PATH_HINT,
      cause: error,
    });
  }
  if (code === 'ENOTDIR') {
    return new FailedError(`cannot read ${path}: it is not a directory`, { cause: error });
  }
  return fileError('read', path, error);
}
