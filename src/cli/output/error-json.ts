import {
  FailedError,
  isMultiarchError,
  type ErrorKind,
  type FailedExchange,
  type FailedTag,
  type Problem,
  type RequestLine,
} from '../../oci/errors.js';
import { exitCodeOf } from '../exit-code.js';
import { shownMessage } from './shown-text.js';

/** The hint of an error that is a bug. */
export const BUG_HINT = 'This is a bug in multiarch. Run it again with --debug and report the output.';

/** The page with one heading for each code. */
const ERRORS_PAGE = 'https://github.com/multiarch-cli/multiarch/blob/main/docs/errors.md';

/** The error codes of the distribution-spec, "Error Codes". The page has a heading for each of them. */
export const REGISTRY_CODES: ReadonlySet<string> = new Set([
  'BLOB_UNKNOWN',
  'BLOB_UPLOAD_INVALID',
  'BLOB_UPLOAD_UNKNOWN',
  'DENIED',
  'DIGEST_INVALID',
  'MANIFEST_BLOB_UNKNOWN',
  'MANIFEST_INVALID',
  'MANIFEST_UNKNOWN',
  'NAME_INVALID',
  'NAME_UNKNOWN',
  'SIZE_INVALID',
  'TOOMANYREQUESTS',
  'UNAUTHORIZED',
  'UNSUPPORTED',
]);

/** The response of a registry or of its token server. */
interface ResponseJson {
  readonly host: string;
  readonly status: number;
  readonly errors: readonly { readonly code: string; readonly message: string }[];
}

/** An error in JSON. */
interface ErrorJson {
  /** `internal` is a bug. */
  readonly kind: ErrorKind | 'internal';
  /** The code of the registry, such as `MANIFEST_UNKNOWN`, else the kind, such as `NOT_FOUND`. */
  readonly code: string;
  readonly exitCode: number;
  readonly message: string;
  readonly hint?: string | undefined;
  /** The URL of the documentation of the code. */
  readonly help: string;
  readonly registry?: ResponseJson;
  readonly request?: RequestLine;
  /** The mistakes in a document. */
  readonly problems?: readonly Problem[];
  /** The errors of several sources. */
  readonly errors?: readonly ErrorJson[];
}

/** Returns the members of a failed result: the error, and the tags that had moved. */
export function errorJson(thrown: unknown): {
  readonly error: ErrorJson;
  readonly tags?: readonly FailedTag[];
} {
  const error = describedError(thrown);
  const tags = isMultiarchError(error) && error.tags.length > 0 ? { tags: error.tags } : {};
  return { error: errorMembers(error), ...tags };
}

/** Returns the typed error for an error of Node that says nothing about its cause; every other one as it is. */
export function describedError(thrown: unknown): unknown {
  if (!isMissingWorkingDirectory(thrown)) return thrown;
  return new FailedError('the working directory no longer exists', {
    hint: 'Change to another directory.',
    cause: thrown,
  });
}

/** Reports whether an error is that of a process whose working directory was removed. Libraries ask for it, too. */
function isMissingWorkingDirectory(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error && error.syscall === 'uv_cwd';
}

function errorMembers(error: unknown): ErrorJson {
  const exitCode = exitCodeOf(error);
  if (!isMultiarchError(error)) {
    const message = shownMessage(error instanceof Error ? error.message : String(error));
    return {
      kind: 'internal',
      code: 'INTERNAL',
      exitCode,
      message,
      hint: BUG_HINT,
      help: helpFor('INTERNAL'),
    };
  }
  const { kind, message, hint, exchange, request } = error;
  const kindCode = kind.toUpperCase().replaceAll('-', '_');
  const ownCode = exchange?.errors.find(({ code }) => /^[\w.-]{1,64}$/.test(code))?.code;
  return {
    kind,
    code: ownCode ?? kindCode,
    exitCode,
    message,
    hint,
    help: helpFor(ownCode !== undefined && REGISTRY_CODES.has(ownCode) ? ownCode : kindCode),
    ...(exchange !== undefined && { registry: responseMembers(exchange) }),
    ...(request !== undefined && { request: { method: request.method, url: request.url } }),
    ...('problems' in error && error.problems.length > 0 && { problems: error.problems }),
    ...('errors' in error && { errors: error.errors.map(errorMembers) }),
  };
}

function responseMembers({ url, status, errors }: FailedExchange): ResponseJson {
  return {
    host: URL.canParse(url) ? new URL(url).host : url,
    status,
    errors: errors.map(({ code, message }) => ({ code, message })),
  };
}

function helpFor(code: string): string {
  return `${ERRORS_PAGE}#${code.toLowerCase()}`;
}
