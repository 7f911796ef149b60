import type { ErrorKind } from '../oci/errors.js';

/** The exit codes. Scripts rely on these numbers. */
export const EXIT = {
  done: 0,
  failed: 1,
  /** The exit code of `diff`, as of the program diff. */
  different: 1,
  notFound: 3,
  unauthorized: 4,
  invalid: 5,
  unavailable: 6,
  conflict: 7,
  usage: 125,
  cancelled: 130,
} as const;

const BY_KIND: Readonly<Record<ErrorKind, number>> = {
  argument: EXIT.usage,
  cancelled: EXIT.cancelled,
  conflict: EXIT.conflict,
  failed: EXIT.failed,
  invalid: EXIT.invalid,
  'not-found': EXIT.notFound,
  'rate-limited': EXIT.unavailable,
  requirement: EXIT.invalid,
  unauthorized: EXIT.unauthorized,
  unavailable: EXIT.unavailable,
};

/** Returns the exit code for a thrown value. Errors of other kinds are failures. */
export function exitCodeOf(error: unknown): number {
  return hasKnownKind(error) ? BY_KIND[error.kind] : EXIT.failed;
}

function hasKnownKind(error: unknown): error is { readonly kind: ErrorKind } {
  return (
    typeof error === 'object' &&
    error !== null &&
    'kind' in error &&
    typeof error.kind === 'string' &&
    Object.hasOwn(BY_KIND, error.kind)
  );
}
