import { parseJson } from '../../oci/json.js';
import { MAX_MANIFEST_PULL } from '../../oci/document.js';
import { invalidDocument, validateDocument } from '../../oci/validate.js';
import { EMPTY_LAYOUT_INDEX, parseLayoutIndex, type LayoutIndex } from './layout-index.js';
import { tryParseDigest, type Digest } from '../../oci/digest.js';
import { InvalidError } from '../../oci/errors.js';

/** The file that says that a directory or tar file is an image layout (image-spec, "oci-layout file"). */
export const MARKER_FILE = 'oci-layout';
/** The file that lists a layout's images (image-spec, "index.json file"). */
export const INDEX_FILE = 'index.json';
/** What we write into `oci-layout`. */
export const MARKER_TEXT = JSON.stringify({ imageLayoutVersion: '1.0.0' });

const MARKER_LIMIT = 64 << 10;

/** How the small files of a layout are read, wherever it is. */
export interface LayoutFileReader {
  /** Reads a file whole, `undefined` where there is none; fails where it is longer than `limit` bytes. */
  read(name: string, limit: number): Promise<Uint8Array | undefined>;
  /** What messages call the file. */
  label(name: string): string;
}

/**
 * Whether there is a layout.
 * @throws InvalidError where there is one of another version
 */
export async function hasMarker(files: LayoutFileReader): Promise<boolean> {
  const bytes = await files.read(MARKER_FILE, MARKER_LIMIT);
  if (bytes === undefined) return false;
  const label = files.label(MARKER_FILE);
  const problems = validateDocument('oci-layout', parseJson(bytes, label));
  if (problems.length > 0) throw invalidDocument(label, problems);
  return true;
}

/** Reads `index.json`, `undefined` where there is none. @throws InvalidError */
export async function readIndexFile(files: LayoutFileReader): Promise<LayoutIndex | undefined> {
  const bytes = await files.read(INDEX_FILE, MAX_MANIFEST_PULL);
  return bytes === undefined ? undefined : parseLayoutIndex(bytes, files.label(INDEX_FILE));
}

/**
 * What a layout lists. One without `index.json` is empty; where there is no layout at all, the answer is `undefined`.
 * @throws InvalidError where `oci-layout` or `index.json` is not what it should be
 */
export async function readLayoutIndex(files: LayoutFileReader): Promise<LayoutIndex | undefined> {
  return (await hasMarker(files)) ? ((await readIndexFile(files)) ?? EMPTY_LAYOUT_INDEX) : undefined;
}

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
