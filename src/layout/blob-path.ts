import { tryParseDigest, type Digest } from '../oci/digest.js';
import { InvalidError } from '../oci/errors.js';

/**
 * The path of a blob in a layout, in parts (image-spec, "OCI Image Layout", "Blobs"). The digest is parsed again
 * although its type says that it is one: what gets around the type must not get around this (CVE-2024-3727 was a
 * digest used as a path unchecked).
 *
 * @throws InvalidError for what is not a digest
 */
export function blobPath(digest: Digest): [string, string, string] {
  const checked = tryParseDigest(digest);
  if (checked === undefined) throw new InvalidError(`${JSON.stringify(digest)} is not a digest`);
  const colon = checked.indexOf(':');
  return ['blobs', checked.slice(0, colon), checked.slice(colon + 1)];
}
