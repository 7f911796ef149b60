import type { RegistryCredential } from '../credentials/credential.js';

/** One authentication scheme that a server offers (RFC 9110, sections 11.3 and 11.6.1). */
export interface Challenge {
  /** In lower case: `bearer`, `basic`. */
  readonly scheme: string;
  /** By name in lower case. The first of two with the same name counts. */
  readonly parameters: ReadonlyMap<string, string>;
}

const TOKEN = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y;
const TOKEN68 = /[-._~+/0-9A-Za-z]+=*(?=[ \t\r\n]*(?:,|$))/y;
const BARE_VALUE = /[^\s,"]+/y;
const GAP = /[ \t\r\n]*/y;
const SEPARATORS = /[ \t\r\n,]*/y;
/** The characters of a header value without spaces. Any other could end the header and start another. */
const HEADER_SAFE = /^[\x21-\x7e]+$/;

/**
 * Parses the values of `WWW-Authenticate`, each with one or more challenges.
 *
 * Servers deviate from the grammar, so nothing is an error: a parameter without a value or closing quote is dropped, a
 * missing comma is supplied, and text that is neither a scheme nor a parameter is skipped.
 */
export function parseChallenges(headerValues: readonly string[]): readonly Challenge[] {
  return headerValues.flatMap((value) => parseValue(value));
}

/** Selects the challenge to meet: Bearer with a token server, then Basic, then any Bearer. */
export function selectChallenge(challenges: readonly Challenge[]): Challenge | undefined {
  return (
    challenges.find(({ scheme, parameters }) => scheme === 'bearer' && parameters.has('realm')) ??
    challenges.find(({ scheme }) => scheme === 'basic') ??
    challenges.find(({ scheme }) => scheme === 'bearer')
  );
}

/** Returns the Authorization header for a user name and password (RFC 7617). */
export function basicAuthorization(credential: Extract<RegistryCredential, { kind: 'basic' }>): string {
  return `Basic ${Buffer.from(`${credential.username}:${credential.password}`).toString('base64')}`;
}

/** Returns the Authorization header for a token (RFC 6750). */
export function bearerAuthorization(token: string): string {
  return `Bearer ${token}`;
}

/** Reports whether a token can be sent in a header. */
export function isHeaderSafe(token: string): boolean {
  return HEADER_SAFE.test(token);
}

function parseValue(text: string): Challenge[] {
  const challenges: Challenge[] = [];
  let parameters: Map<string, string> | undefined;
  const reader = new Reader(text);
  for (reader.take(SEPARATORS); !reader.atEnd; reader.take(SEPARATORS)) {
    const name = reader.take(TOKEN).toLowerCase();
    if (name === '') {
      reader.skipOne();
      continue;
    }
    const gap = reader.take(GAP);
    if (reader.takeOne('=')) {
      reader.take(GAP);
      const value = reader.takeValue();
      if (value !== undefined && parameters?.has(name) === false) parameters.set(name, value);
    } else {
      parameters = new Map();
      challenges.push({ scheme: name, parameters });
      // Skips a token68 after the scheme, as in `Negotiate YII=`.
      if (gap !== '') reader.take(TOKEN68);
    }
  }
  return challenges;
}

/** A cursor in a text. */
class Reader {
  readonly #text: string;
  #position = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get atEnd(): boolean {
    return this.#position >= this.#text.length;
  }

  /** Consumes the match of a sticky pattern; empty if it does not match. */
  take(pattern: RegExp): string {
    pattern.lastIndex = this.#position;
    const found = pattern.exec(this.#text)?.[0] ?? '';
    this.#position += found.length;
    return found;
  }

  takeOne(character: string): boolean {
    if (this.#text[this.#position] !== character) return false;
    this.#position += 1;
    return true;
  }

  /** Skips one character, or a whole quoted string, whose content must not be read as challenges. */
  skipOne(): void {
    if (!this.takeOne('"')) this.#position += 1;
    else this.#takeQuoted();
  }

  /** Consumes a parameter's value; `undefined` if it or its closing quote is missing. */
  takeValue(): string | undefined {
    if (this.takeOne('"')) return this.#takeQuoted();
    const bare = this.take(BARE_VALUE);
    return bare === '' ? undefined : bare;
  }

  /** Consumes a quoted string after its opening quote (RFC 9110, section 5.6.4). */
  #takeQuoted(): string | undefined {
    let value = '';
    while (!this.atEnd) {
      if (this.takeOne('"')) return value;
      this.takeOne('\\');
      value += this.#text[this.#position] ?? '';
      this.#position += 1;
    }
    return undefined;
  }
}
