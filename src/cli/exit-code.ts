import type { ErrorKind } from '../oci/errors.js';

/** What the process says by its exit code; scripts rely on these numbers. */
export const EXIT = {
  done: 0,
  failed: 1,
  /** Of `diff`, as of the program diff. */
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

/** The exit code for what a command threw. Anything that is not ours is a plain failure. */
export function exitCodeOf(error: unknown): number {
  return isOurs(error) ? BY_KIND[error.kind] : EXIT.failed;
}

function isOurs(error: unknown): error is { readonly kind: ErrorKind } {
  return (
    typeof error === 'object' &&
    error !== null &&
    'kind' in error &&
    typeof error.kind === 'string' &&
    Object.hasOwn(BY_KIND, error.kind)
  );
}
