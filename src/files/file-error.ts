import { FailedError, MultiarchError } from '../oci/errors.js';

interface Explanation {
  readonly reason: string;
  /** What the user can do where the file is to stay where it is, for the beginning of a sentence. */
  readonly remedy: string;
}

const FULL = { reason: 'the disk is full', remedy: 'Make room' };
const FORBIDDEN = {
  reason: 'permission denied',
  remedy: 'Check who owns it and who may read and write there',
};
const NOT_A_DIRECTORY = { reason: 'a part of the path is not a directory', remedy: 'Move that file away' };

const EXPLANATIONS: Readonly<Record<string, Explanation>> = {
  ENOSPC: FULL,
  EDQUOT: { ...FULL, reason: 'the disk quota is used up' },
  EFBIG: { ...FULL, reason: 'the limit of the size of a file is reached' },
  EROFS: { reason: 'the file system is read-only', remedy: 'Make it writable' },
  EACCES: FORBIDDEN,
  EPERM: FORBIDDEN,
  ENOTDIR: NOT_A_DIRECTORY,
  EEXIST: NOT_A_DIRECTORY,
};

/**
 * What a failed file operation is thrown as. Errors of the library's own pass unchanged.
 *
 * @param action what was being done, as a verb: `write`
 * @param path of the file, or what else messages call it
 * @param elsewhere what the hint offers instead of this directory, for the end of a sentence
 */
export function fileError(
  action: string,
  path: string,
  error: unknown,
  elsewhere = 'choose another directory',
): MultiarchError {
  if (error instanceof MultiarchError) return error;
  const code = errorCode(error) ?? '';
  const message = (reason: string): string => `cannot ${action} ${path}: ${reason}`;
  if (code === 'EMFILE' || code === 'ENFILE') {
    const hint = 'Use a lower concurrency, or raise the limit of open files.';
    return new FailedError(message('too many files are open'), { hint, cause: error });
  }
  const explanation = EXPLANATIONS[code];
  if (explanation === undefined) {
    return new FailedError(message(error instanceof Error ? error.message : String(error)), { cause: error });
  }
  const hint = `${explanation.remedy}, or ${elsewhere}.`;
  return new FailedError(message(explanation.reason), { hint, cause: error });
}

/** The code of a system error, such as `ENOENT`. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
