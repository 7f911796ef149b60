import { randomBytes } from 'node:crypto';

import {
  currentProcess,
  processStatus,
  readProcessIdentity,
  type ProcessIdentity,
} from '../files/process-identity.js';
import { isDigest, type Digest } from '../oci/digest.js';
import { ArgumentError, InvalidError, type Problem } from '../oci/errors.js';
import { formatImageLocation, isTargetLocation, nameIn, parseImageLocation } from '../oci/image-location.js';
import { isJsonObject, parseJson } from '../oci/json.js';
import { invalidDocument } from '../oci/validate.js';

/** The version of the file format. There are no others so far. */
const VERSION = 1;

/** A push, with what `undo` needs. */
export interface PushRecord {
  /** The digest of the published index. */
  readonly digest: Digest;
  /** In the order in which they were moved. */
  readonly tags: readonly RecordedTag[];
  /**
   * Set, to a random ID, while the push is running and after one that was killed or whose outcome is unknown: any of the tags
   * may have moved. The tags themselves show which.
   */
  readonly unfinished?: string;
  /** The process of an unfinished push, while the push is running and after the process was killed. */
  readonly process?: ProcessIdentity;
  /** Set if several lists were pushed together: each has a record, and `undo` undoes all of them. */
  readonly together?: PushGroup;
}

/** Several lists that were pushed together. */
export interface PushGroup {
  /** A random ID, the same in the record of each list. */
  readonly id: string;
  /** The names of the records, as `formatImageLocation` writes them. */
  readonly targets: readonly string[];
}

export interface RecordedTag {
  /** As `formatImageLocation` writes it: `docker.io/library/app:1.2`. */
  readonly reference: string;
  /** The digest before the push; absent if the tag did not exist or could not be read. */
  readonly previous?: Digest;
  /** The digest that the push replaced, if an unfinished push had put it there: `previous` is what that one replaced. */
  readonly replaced?: Digest;
}

/** Returns the record of a push that this process begins. */
export function beginPush(
  push: Pick<PushRecord, 'digest' | 'tags' | 'together'>,
): PushRecord & { readonly unfinished: string } {
  return { ...push, unfinished: randomBytes(8).toString('hex'), process: currentProcess() };
}

/** Returns the group of lists that are pushed together; `undefined` for one list. */
export function pushGroup(targets: readonly string[]): PushGroup | undefined {
  return targets.length < 2 ? undefined : { id: randomBytes(8).toString('hex'), targets };
}

/** Reports whether a push is certainly running. A process on another machine or in another container cannot be seen. */
export async function isRunning({ process }: PushRecord): Promise<boolean> {
  return process !== undefined && (await processStatus(process, currentProcess())) === 'running';
}

/**
 * Formats the pushes of a target as indented JSON, the oldest push first.
 * @param target as `formatImageLocation` writes it
 */
export function formatHistory(target: string, pushes: readonly PushRecord[]): string {
  return `${JSON.stringify({ version: VERSION, target, pushes }, null, 2)}\n`;
}

/**
 * Parses a history file.
 * @param path the file's path, for messages
 * @param target the target that the file must be for
 * @throws InvalidError
 */
export function parseHistory(bytes: Uint8Array, path: string, target: string): PushRecord[] {
  const label = `the history in ${path}`;
  try {
    return readHistory(parseJson(bytes, label), target);
  } catch (error) {
    const problem = error instanceof FormatError ? invalidDocument(label, [error.problem]) : error;
    if (!(problem instanceof InvalidError)) throw problem;
    throw new InvalidError(problem.message, {
      problems: problem.problems,
      hint: 'Remove the file. Only the undo history of earlier pushes is lost.',
      cause: error,
    });
  }
}

/** A value in the file that {@link formatHistory} does not write. */
class FormatError extends Error {
  readonly problem: Problem;

  constructor(pointer: string, message: string) {
    super(message);
    this.problem = { pointer, message, rule: 'history/form' };
  }
}

function readHistory(value: unknown, target: string): PushRecord[] {
  const { version, target: recorded, pushes } = isJsonObject(value) ? value : {};
  if (version !== VERSION) {
    throw new FormatError('/version', `is ${JSON.stringify(version)}, but only ${VERSION} is supported`);
  }
  if (recorded !== target) throw new FormatError('/target', `is ${JSON.stringify(recorded)}, not ${target}`);
  if (!Array.isArray(pushes)) throw new FormatError('/pushes', 'is not a list');
  return pushes.map((push: unknown, index) => readPush(push, `/pushes/${index}`));
}

function readPush(value: unknown, pointer: string): PushRecord {
  const { digest, tags, unfinished, process, together } = isJsonObject(value) ? value : {};
  if (unfinished !== undefined && typeof unfinished !== 'string') {
    throw new FormatError(`${pointer}/unfinished`, 'is not a text');
  }
  if (!Array.isArray(tags) || tags.length === 0) {
    throw new FormatError(`${pointer}/tags`, 'is not a list of tags');
  }
  const identity = readProcessIdentity(process);
  return {
    digest: readDigest(digest, `${pointer}/digest`),
    tags: tags.map((tag: unknown, index) => readTag(tag, `${pointer}/tags/${index}`)),
    ...(unfinished !== undefined && { unfinished }),
    ...(identity !== undefined && { process: identity }),
    ...(together !== undefined && { together: readGroup(together, `${pointer}/together`) }),
  };
}

function readGroup(value: unknown, pointer: string): PushGroup {
  const { id, targets } = isJsonObject(value) ? value : {};
  if (typeof id !== 'string') throw new FormatError(`${pointer}/id`, 'is not a text');
  if (!Array.isArray(targets)) throw new FormatError(`${pointer}/targets`, 'is not a list');
  return {
    id,
    targets: targets.map((target: unknown, index) => {
      if (typeof target === 'string' && isCanonicalTarget(target)) return target;
      throw new FormatError(`${pointer}/targets/${index}`, 'is not a fully qualified name');
    }),
  };
}

function readTag(value: unknown, pointer: string): RecordedTag {
  const { reference, previous, replaced } = isJsonObject(value) ? value : {};
  if (typeof reference !== 'string' || !isCanonicalTag(reference)) {
    throw new FormatError(`${pointer}/reference`, 'is not a fully qualified tag');
  }
  return {
    reference,
    ...(previous !== undefined && { previous: readDigest(previous, `${pointer}/previous`) }),
    ...(replaced !== undefined && { replaced: readDigest(replaced, `${pointer}/replaced`) }),
  };
}

function readDigest(value: unknown, pointer: string): Digest {
  if (typeof value === 'string' && isDigest(value)) return value;
  throw new FormatError(pointer, 'is not a digest');
}

function isCanonicalTag(text: string): boolean {
  if (!isCanonicalTarget(text)) return false;
  const location = parseImageLocation(text);
  if (!isTargetLocation(location)) return false;
  const { tag, digest } = nameIn(location);
  return tag !== undefined && digest === undefined;
}

/** Accepts the canonical form only, so that undo changes exactly what the file shows. */
function isCanonicalTarget(text: string): boolean {
  try {
    const location = parseImageLocation(text);
    return isTargetLocation(location) && formatImageLocation(location) === text;
  } catch (error) {
    if (error instanceof ArgumentError) return false;
    throw error;
  }
}
