import { hasTooManyValues, parseJson } from '../../oci/json.js';
import { MAX_MANIFEST_PULL } from '../../oci/document.js';
import { invalidDocument, validateDocument } from '../../oci/validate.js';
import { EMPTY_LAYOUT_INDEX, parseLayoutIndex, type LayoutIndex } from './layout-index.js';
import { tryParseDigest, type Digest } from '../../oci/digest.js';
import { InvalidError } from '../../oci/errors.js';

/** The file that marks a directory or tar file as an image layout (image-spec, "oci-layout file"). */
export const LAYOUT_FILE = 'oci-layout';
/** The file that lists a layout's images (image-spec, "index.json file"). */
export const INDEX_FILE = 'index.json';
/** The content of a new `oci-layout` file. */
export const LAYOUT_FILE_TEXT = JSON.stringify({ imageLayoutVersion: '1.0.0' });

const LAYOUT_FILE_LIMIT = 64 << 10;

/** Reads the metadata files of a layout. */
export interface LayoutFileReader {
  /**
   * Reads a file into memory; `undefined` if it does not exist.
   * @throws InvalidError if the file is longer than `limit` bytes
   */
  read(name: string, limit: number): Promise<Uint8Array | undefined>;
  /** The file's name in messages. */
  label(name: string): string;
}

/**
 * Reports whether the `oci-layout` file exists.
 * @throws InvalidError if it is for another version of the layout
 */
export async function hasLayoutFile(files: LayoutFileReader): Promise<boolean> {
  const bytes = await files.read(LAYOUT_FILE, LAYOUT_FILE_LIMIT);
  if (bytes === undefined) return false;
  const label = files.label(LAYOUT_FILE);
  const problems = validateDocument('oci-layout', parseJson(bytes, label));
  if (problems.length > 0) throw invalidDocument(label, problems);
  return true;
}

/** Reads `index.json`; `undefined` if it does not exist. @throws InvalidError */
export async function readIndexFile(files: LayoutFileReader): Promise<LayoutIndex | undefined> {
  const bytes = await files.read(INDEX_FILE, MAX_MANIFEST_PULL);
  return bytes === undefined ? undefined : parseLayoutIndex(bytes, files.label(INDEX_FILE));
}

/**
 * Reads the index of a layout; `undefined` if there is no layout. A layout without `index.json` is empty.
 * @throws InvalidError if `oci-layout` or `index.json` is invalid
 */
export async function readLayoutIndex(files: LayoutFileReader): Promise<LayoutIndex | undefined> {
  return (await hasLayoutFile(files)) ? ((await readIndexFile(files)) ?? EMPTY_LAYOUT_INDEX) : undefined;
}

/**
 * Formats an `index.json`.
 * @throws InvalidError if {@link readIndexFile} would reject it: all images of the layout would be lost
 */
export function formatLayoutIndex(index: LayoutIndex): string {
  const text = JSON.stringify(index);
  if (Buffer.byteLength(text) <= MAX_MANIFEST_PULL && !hasTooManyValues(index)) return text;
  throw new InvalidError(`the layout has too many images: its ${INDEX_FILE} would be too large to be read`, {
    hint: 'Use another layout.',
  });
}

/**
 * The path components of a blob in a layout (image-spec, "OCI Image Layout", "Blobs"). The digest is validated again
 * despite its type, because an unchecked digest in a path is a vulnerability (CVE-2024-3727).
 *
 * @throws InvalidError if it is not a digest
 */
export function blobPath(digest: Digest): [string, string, string] {
  const checked = tryParseDigest(digest);
  if (checked === undefined) throw new InvalidError(`${JSON.stringify(digest)} is not a digest`);
  const colon = checked.indexOf(':');
  return ['blobs', checked.slice(0, colon), checked.slice(colon + 1)];
}
