import { isDigest, type Digest } from '../oci/digest.js';
import { ArgumentError, InvalidError, type Problem } from '../oci/errors.js';
import { formatImageLocation, isTargetLocation, nameIn, parseImageLocation } from '../oci/image-location.js';
import { isJsonObject, parseJson } from '../oci/json.js';
import { invalidDocument } from '../oci/validate.js';

/** The version that this code writes, and the only one there has been. */
const VERSION = 1;

/** A push, as far as it is needed to take it back. */
export interface PushRecord {
  /** Of the index that was published. */
  readonly digest: Digest;
  /** In the order in which they moved. */
  readonly tags: readonly RecordedTag[];
}

export interface RecordedTag {
  /** As `formatImageLocation` writes it: `docker.io/library/app:1.2`. */
  readonly reference: string;
  /** What it stood for before; absent where there was no such tag, or none that we were let see. */
  readonly previous?: Digest;
}

/**
 * The pushes of a target as the text of their file: JSON for people to read, the oldest push first.
 * @param target as `formatImageLocation` writes it
 */
export function formatHistory(target: string, pushes: readonly PushRecord[]): string {
  return `${JSON.stringify({ version: VERSION, target, pushes }, null, 2)}\n`;
}

/**
 * Reads the content of a history's file.
 * @param path what messages call the file
 * @param target whose history it must be
 * @throws InvalidError that says what is wrong with it
 */
export function parseHistory(bytes: Uint8Array, path: string, target: string): PushRecord[] {
  const label = `the history in ${path}`;
  try {
    return readHistory(parseJson(bytes, label), target);
  } catch (error) {
    const problem = error instanceof FormError ? invalidDocument(label, [error.problem]) : error;
    if (!(problem instanceof InvalidError)) throw problem;
    throw new InvalidError(problem.message, {
      problems: problem.problems,
      hint: 'Remove the file; with it goes what undo knows of earlier pushes, and nothing else.',
      cause: error,
    });
  }
}

/** Something in the file is not as it is written. */
class FormError extends Error {
  readonly problem: Problem;

  constructor(pointer: string, message: string) {
    super(message);
    this.problem = { pointer, message, rule: 'history/form' };
  }
}

function readHistory(value: unknown, target: string): PushRecord[] {
  const { version, target: own, pushes } = isJsonObject(value) ? value : {};
  if (version !== VERSION) {
    throw new FormError('/version', `is ${JSON.stringify(version)}, and ${VERSION} is read here`);
  }
  if (own !== target) throw new FormError('/target', `is ${JSON.stringify(own)}, not ${target}`);
  if (!Array.isArray(pushes)) throw new FormError('/pushes', 'is not a list');
  return pushes.map((push: unknown, at) => readPush(push, `/pushes/${at}`));
}

function readPush(value: unknown, pointer: string): PushRecord {
  const { digest, tags } = isJsonObject(value) ? value : {};
  if (!Array.isArray(tags) || tags.length === 0) {
    throw new FormError(`${pointer}/tags`, 'is not a list of tags');
  }
  return {
    digest: readDigest(digest, `${pointer}/digest`),
    tags: tags.map((tag: unknown, at) => readTag(tag, `${pointer}/tags/${at}`)),
  };
}

function readTag(value: unknown, pointer: string): RecordedTag {
  const { reference, previous } = isJsonObject(value) ? value : {};
  if (typeof reference !== 'string' || !isTagInFull(reference)) {
    throw new FormError(`${pointer}/reference`, 'is not a tag, written in full');
  }
  return {
    reference,
    ...(previous !== undefined && { previous: readDigest(previous, `${pointer}/previous`) }),
  };
}

function readDigest(value: unknown, pointer: string): Digest {
  if (typeof value === 'string' && isDigest(value)) return value;
  throw new FormError(pointer, 'is not a digest');
}

/** Only as we write it ourselves, so that what undo changes is what the file shows. */
function isTagInFull(text: string): boolean {
  try {
    const location = parseImageLocation(text);
    if (!isTargetLocation(location)) return false;
    const { tag, digest } = nameIn(location);
    return tag !== undefined && digest === undefined && formatImageLocation(location) === text;
  } catch (error) {
    if (error instanceof ArgumentError) return false;
    throw error;
  }
}
