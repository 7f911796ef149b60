/**
 * The typed errors. All layers below `cli` throw only these on purpose; `cli` turns them into text and an exit code.
 */

/** One error of a registry's response (distribution-spec, "Error Codes"), without control characters. */
export interface RegistryErrorDetail {
  readonly code: string;
  readonly message: string;
  readonly detail?: unknown;
}

/** A request. `url` is redacted and can be printed. */
export interface RequestLine {
  readonly method: string;
  readonly url: string;
}

/** A failed request and the registry's response. */
export interface FailedExchange extends RequestLine {
  readonly status: number;
  readonly errors: readonly RegistryErrorDetail[];
}

/** One mistake in a document. */
export interface Problem {
  /** The location: a JSON pointer (RFC 6901) into the document, `""` for the document itself. */
  readonly pointer: string;
  /** What is wrong at the location. Read after it: `/manifests/0 has no "digest"`. */
  readonly message: string;
  /** The violated rule: `schema/<keyword>`, `json/syntax`, or a semantic rule such as `digest/length`. */
  readonly rule: string;
}

/** Discriminates the errors, also across two copies of the library, where `instanceof` fails. */
export type ErrorKind =
  | 'argument'
  | 'cancelled'
  | 'conflict'
  | 'failed'
  | 'invalid'
  | 'not-found'
  | 'rate-limited'
  | 'requirement'
  | 'unauthorized'
  | 'unavailable';

/** A tag that a failed call had moved, or may have moved. */
export interface FailedTag {
  /** In full: `docker.io/library/app:1.2`, `oci:DIR:TAG`. */
  readonly reference: string;
  /**
   * `restored`: it is as before the call; after a failed undo, it has its previous digest. `moved`: it has the digest that
   * was published. `replaced`: another client has moved or deleted it since. `unknown`: it could not be read.
   */
  readonly outcome: 'restored' | 'moved' | 'replaced' | 'unknown';
  /** What it points to, or may point to if that is unknown. Absent if the tag does not exist. */
  readonly digest?: string;
  /** What it pointed to before. Absent if the tag did not exist, or could not be read. */
  readonly previous?: string;
}

/** The optional members of an error. */
export interface MultiarchErrorOptions {
  /** One sentence that tells the user what to do next. */
  readonly hint?: string | undefined;
  /** Further lines of the message, such as the candidates for an ambiguous name. */
  readonly details?: readonly string[] | undefined;
  readonly exchange?: FailedExchange | undefined;
  /** @default that of `exchange` */
  readonly request?: RequestLine | undefined;
  readonly cause?: unknown;
}

/** Marks the errors of this library. `Symbol.for` gives the same symbol in every copy of it. */
const BRAND = Symbol.for('multiarch.error');

/**
 * The base of all errors that this library throws on purpose. Message and hint can be printed, whatever names and values of
 * documents and registries they quote: every line end in a message is one between the message and its details.
 */
export abstract class MultiarchError extends Error {
  static {
    Object.defineProperty(this.prototype, BRAND, { value: true });
  }

  abstract readonly kind: ErrorKind;
  /** What the user can do next. */
  readonly hint: string | undefined;
  /** The request that failed, where a registry returned an error. */
  readonly exchange: FailedExchange | undefined;
  /** The request that failed, also if it got no response. */
  readonly request: RequestLine | undefined;
  /**
   * The tags that a failed push, copy or undo had moved, or may have moved, and what they point to now. Empty if no tag has
   * changed.
   */
  readonly tags: readonly FailedTag[] = [];

  constructor(message: string, options: MultiarchErrorOptions = {}) {
    const { hint, details = [], cause } = options;
    super([message, ...details].map(messageLine).join('\n'), cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.hint = hint === undefined ? undefined : messageLine(hint);
    this.exchange = options.exchange;
    this.request = options.request ?? options.exchange;
  }
}

/** The hint if a file or directory that the user has named does not exist. */
export const MISSING_PATH_HINT = 'Check the path. A relative one starts at the working directory.';

/** An invalid argument: a malformed reference, platform, digest or option. */
export class ArgumentError extends MultiarchError {
  readonly kind = 'argument';
}

/** The image, tag, repository, blob, file or draft does not exist. */
export class NotFoundError extends MultiarchError {
  readonly kind = 'not-found';
}

/** Not logged in, or logged in without the permission (HTTP 401, 403). */
export class UnauthorizedError extends MultiarchError {
  readonly kind = 'unauthorized';
}

/** Invalid content: a wrong digest or size, or a document that violates its schema or the rules. */
export class InvalidError extends MultiarchError {
  readonly kind = 'invalid';
  /** All mistakes in the document; empty if the error is not about a document. */
  readonly problems: readonly Problem[];

  constructor(
    message: string,
    options: MultiarchErrorOptions & { readonly problems?: readonly Problem[] } = {},
  ) {
    super(message, options);
    this.problems = options.problems ?? [];
  }
}

/** A manifest was rejected because the target lacks content that it points to. */
export class MissingContentError extends InvalidError {
  /** The digests of what is missing: children, or the subject. */
  readonly missing: ReadonlySet<string>;

  constructor(message: string, options: MultiarchErrorOptions & { readonly missing: ReadonlySet<string> }) {
    super(message, options);
    this.name = 'InvalidError';
    this.missing = options.missing;
  }
}

/** A registry responded that it stored a manifest under another digest than that of the bytes that were sent. */
export class OtherDigestError extends InvalidError {
  readonly stored: string;

  constructor(message: string, options: MultiarchErrorOptions & { readonly stored: string }) {
    super(message, options);
    this.name = 'InvalidError';
    this.stored = options.stored;
  }
}

/** A requirement of the caller is not met, such as a required platform. */
export class RequirementError extends MultiarchError {
  readonly kind = 'requirement';
}

/** The registry responded with 429 (or its own equivalent) until all retries were used. */
export class RateLimitedError extends MultiarchError {
  readonly kind = 'rate-limited';
}

/** The registry could not be reached, or failed until all retries were used. */
export class UnavailableError extends MultiarchError {
  readonly kind = 'unavailable';
}

/** A draft or a tag is not as the caller expected: it already exists, has moved, or is immutable. */
export class ConflictError extends MultiarchError {
  readonly kind = 'conflict';
}

/** The caller's AbortSignal was aborted. */
export class CancelledError extends MultiarchError {
  readonly kind = 'cancelled';
}

/** Any other failure: a full disk, an unreadable file, an invalid response. */
export class FailedError extends MultiarchError {
  readonly kind = 'failed';
}

/** A call needs more than its limits allow (`RunLimits`). A class of its own, so that no caller continues without the rest. */
export class LimitError extends FailedError {
  constructor(message: string, options: MultiarchErrorOptions = {}) {
    super(message, options);
    this.name = 'FailedError';
  }
}

/** Several sources could not be read. Its kind is that of the first of `errors`, which are in the order of the sources. */
export class SourcesError extends MultiarchError {
  readonly kind: ErrorKind;
  readonly errors: readonly MultiarchErrors[];
  /** The problems of all `errors` of the kind `invalid`. */
  readonly problems: readonly Problem[];

  constructor(errors: readonly [MultiarchErrors, ...MultiarchErrors[]], total: number) {
    const details = errors.flatMap(({ message, hint }) =>
      `${message}${hint === undefined ? '' : ` (${hint})`}`.split('\n').map((line) => `  ${line}`),
    );
    super(`${errors.length} of ${total} sources cannot be used:`, { details });
    this.kind = errors[0].kind;
    this.errors = errors;
    this.problems = errors.flatMap((error) => (error.kind === 'invalid' ? error.problems : []));
  }
}

/** All errors that this library throws on purpose, discriminated by `kind`. */
export type MultiarchErrors =
  | ArgumentError
  | CancelledError
  | ConflictError
  | FailedError
  | InvalidError
  | NotFoundError
  | RateLimitedError
  | RequirementError
  | SourcesError
  | UnauthorizedError
  | UnavailableError;

/** Reports whether a value is an error of this library, also of another copy of it. */
export function isMultiarchError(error: unknown): error is MultiarchErrors {
  return typeof error === 'object' && error !== null && BRAND in error;
}

/**
 * Returns the error for an aborted signal. It does not contain the signal's own reason, which can be any value.
 * @param action the cancelled action, such as `write sha256:…`
 */
export function cancelled(signal: AbortSignal, action?: string): CancelledError {
  const reason: unknown = signal.reason;
  if (reason instanceof Error && reason.name === 'TimeoutError') {
    const detail = action === undefined ? '' : ` (${action})`;
    return new CancelledError(`cancelled: the time limit was reached${detail}`);
  }
  return new CancelledError(action === undefined ? 'cancelled' : `cancelled: ${action}`);
}

/**
 * The characters that change how a terminal, an editor or the log of a CI system shows other characters: controls with line
 * ends and escape, marks of text direction, line and paragraph separators, and halves of surrogate pairs. Joiners and
 * variation selectors are parts of ordinary text.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/**
 * Replaces each control character, mark of text direction and line separator of a text by a space, so that the text is one
 * line and cannot change how others are shown.
 */
export function withoutControls(text: string): string {
  return text.replaceAll(UNPRINTABLE, ' ');
}

/** The characters that are shown of a longer line: its start names what failed, its end why. */
const SHOWN = { start: 1_500, end: 400 };

/**
 * As {@link withoutControls}, for a line of a message: the middle of a very long one is omitted, with its length. A document
 * may contain values of megabytes.
 */
export function messageLine(text: string): string {
  const omitted = text.length - SHOWN.start - SHOWN.end;
  if (omitted <= 100) return withoutControls(text);
  const [start, end] = [text.slice(0, SHOWN.start), text.slice(-SHOWN.end)];
  return withoutControls(`${start}… (${omitted} more characters) …${end}`);
}

/** As {@link withoutControls}, for a value in a line: all white space becomes single spaces. */
export function printable(text: string): string {
  return withoutControls(text).replaceAll(/\s+/g, ' ').trim();
}
