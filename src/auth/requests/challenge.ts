/** One way to authenticate that a server offers (RFC 9110, 11.3 and 11.6.1). */
export interface Challenge {
  /** In lower case: `bearer`, `basic`. */
  readonly scheme: string;
  /** Names in lower case. Where one is repeated, the first counts. */
  readonly parameters: ReadonlyMap<string, string>;
}

const TOKEN = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y;
const TOKEN68 = /[-._~+/0-9A-Za-z]+=*(?=[ \t\r\n]*(?:,|$))/y;
const BARE_VALUE = /[^\s,"]+/y;
const GAP = /[ \t\r\n]*/y;
const SEPARATORS = /[ \t\r\n,]*/y;

/**
 * Reads the values of `WWW-Authenticate`: several challenges in one value, or several values with one each.
 *
 * Servers take liberties with the grammar, and a challenge that is understood in part is better than none. So nothing is
 * an error: a parameter without a value or without its closing quote is dropped, a missing comma is supplied, and text
 * that is neither a scheme nor a parameter is passed over.
 */
export function parseChallenges(headerValues: readonly string[]): readonly Challenge[] {
  return headerValues.flatMap((value) => parseValue(value));
}

/** The challenge that is answered: Bearer that names its token server, then Basic, then any Bearer. */
export function selectChallenge(challenges: readonly Challenge[]): Challenge | undefined {
  return (
    challenges.find(({ scheme, parameters }) => scheme === 'bearer' && parameters.has('realm')) ??
    challenges.find(({ scheme }) => scheme === 'basic') ??
    challenges.find(({ scheme }) => scheme === 'bearer')
  );
}

function parseValue(text: string): Challenge[] {
  const challenges: Challenge[] = [];
  let parameters: Map<string, string> | undefined;
  const reader = new Reader(text);
  for (reader.take(SEPARATORS); !reader.atEnd; reader.take(SEPARATORS)) {
    const word = reader.take(TOKEN).toLowerCase();
    if (word === '') {
      reader.skipOne();
      continue;
    }
    const gap = reader.take(GAP);
    if (reader.takeOne('=')) {
      reader.take(GAP);
      const value = reader.takeValue();
      if (value !== undefined && parameters?.has(word) === false) parameters.set(word, value);
    } else {
      parameters = new Map();
      challenges.push({ scheme: word, parameters });
      // Credentials-like data after the scheme, as in `Negotiate YII=`, means nothing to us.
      if (gap !== '') reader.take(TOKEN68);
    }
  }
  return challenges;
}

/** A place in a text, moved on by what is taken. */
class Reader {
  readonly #text: string;
  #position = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get atEnd(): boolean {
    return this.#position >= this.#text.length;
  }

  /** What the (sticky) pattern matches here; empty where it does not. */
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

  /** Passes over one character, or one quoted string as a whole, so that its inside is not read as challenges. */
  skipOne(): void {
    if (!this.takeOne('"')) this.#position += 1;
    else this.#takeQuoted();
  }

  /** A parameter's value; `undefined` where there is none or its closing quote is missing. */
  takeValue(): string | undefined {
    if (this.takeOne('"')) return this.#takeQuoted();
    const bare = this.take(BARE_VALUE);
    return bare === '' ? undefined : bare;
  }

  /** The rest of a quoted string whose first quote is taken (RFC 9110, 5.6.4). */
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
