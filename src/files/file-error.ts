import { FailedError, MultiarchError } from '../oci/errors.js';

interface Explanation {
  readonly reason: string;
  /** What the user can do without choosing another path: the first half of the hint. */
  readonly remedy: string;
}

const DISK_FULL = { reason: 'the disk is full', remedy: 'Free some disk space' };
const FORBIDDEN = { reason: 'permission denied', remedy: 'Check its owner and permissions' };
const NOT_A_DIRECTORY = { reason: 'a part of the path is not a directory', remedy: 'Move that file away' };

const EXPLANATIONS: Readonly<Record<string, Explanation>> = {
  ENOSPC: DISK_FULL,
  EDQUOT: { ...DISK_FULL, reason: 'the disk quota is exhausted' },
  EFBIG: { ...DISK_FULL, reason: 'the file size limit is reached' },
  EROFS: { reason: 'the file system is read-only', remedy: 'Make it writable' },
  EACCES: FORBIDDEN,
  EPERM: FORBIDDEN,
  ENOENT: { reason: 'a part of the path does not exist', remedy: 'Create it' },
  ENOTDIR: NOT_A_DIRECTORY,
  EEXIST: NOT_A_DIRECTORY,
  EISDIR: { reason: 'it is a directory', remedy: 'Move it away' },
  ELOOP: { reason: 'too many levels of symbolic links', remedy: 'Remove the link' },
  ENAMETOOLONG: { reason: 'the name is too long', remedy: 'Use a shorter one' },
  // Node.js rejects it before the system does.
  ERR_INVALID_ARG_VALUE: { reason: 'the path has a NUL character', remedy: 'Remove it' },
};

/** Reading creates nothing. */
const READ_EXPLANATIONS: Readonly<Record<string, Explanation>> = {
  ENOENT: { reason: 'no such file', remedy: 'Check the path' },
};

/**
 * The error to throw for a failed file operation. A {@link MultiarchError} is returned unchanged.
 *
 * @param action the operation as a verb: `write`
 * @param path the file's path, or its name in messages
 * @param alternative what the hint offers besides the remedy: the second half of the hint
 */
export function fileError(
  action: string,
  path: string,
  error: unknown,
  alternative = 'choose another directory',
): MultiarchError {
  if (error instanceof MultiarchError) return error;
  const code = errorCode(error) ?? '';
  const message = (reason: string): string => `cannot ${action} ${path}: ${reason}`;
  if (code === 'EMFILE' || code === 'ENFILE') {
    const hint = 'Use a lower concurrency, or raise the limit on open files.';
    return new FailedError(message('too many open files'), { hint, cause: error });
  }
  const explanation = explanationOf(action, code);
  if (explanation === undefined) return new FailedError(message(messageOf(error)), { cause: error });
  const hint = `${explanation.remedy}, or ${alternative}.`;
  return new FailedError(message(explanation.reason), { hint, cause: error });
}

/** Returns why a file could not be read, without any of its content. */
export function whyUnreadable(error: unknown): string {
  return explanationOf('read', errorCode(error) ?? '')?.reason ?? messageOf(error);
}

function explanationOf(action: string, code: string): Explanation | undefined {
  return (action === 'read' ? READ_EXPLANATIONS[code] : undefined) ?? EXPLANATIONS[code];
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Runs a file operation and rethrows its failure as {@link fileError} describes it. */
export async function withFileErrors<T>(
  action: string,
  path: string,
  operation: () => Promise<T>,
  alternative?: string,
): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    throw fileError(action, path, error, alternative);
  }
}

/** Runs a file operation; returns `undefined` when it fails because a file does not exist. */
export async function ifExists<T>(operation: () => Promise<T>): Promise<T | undefined> {
  try {
    return await operation();
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** The code of a system error, such as `ENOENT`. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
