import * as fc from 'fast-check';

/** A property of one part of the program that holds for any input. */
export interface Property {
  readonly title: string;
  /** Outcomes that the tests require, so that the property cannot hold for want of interesting cases. */
  readonly reaches: readonly string[];
  /** The variable without which the property has no inputs. Its tests are then skipped. */
  readonly needs: string | undefined;
  /** Runs one batch. Equal seeds give equal cases. */
  readonly run: (seed: number) => Promise<BatchResult>;
}

interface BatchResult {
  readonly cases: number;
  /** How many cases had each outcome that the property names. */
  readonly outcomes: ReadonlyMap<string, number>;
  /** The counter-example, shrunk, with its error. `undefined` if the property held. */
  readonly failure: string | undefined;
}

/** The properties of one part of the program. Tests run one batch of each, `npm run fuzz` any number. */
export interface Target {
  readonly name: string;
  readonly properties: readonly Property[];
  /** Prepares what the properties share. Returns the function that removes it. */
  readonly open?: () => Promise<() => Promise<void>>;
}

export interface PropertyOptions<Values> {
  /** The number of cases of one batch. @default 100 */
  readonly batch?: number;
  /** Cases of every batch. */
  readonly examples?: readonly NoInfer<Values>[];
  /** See {@link Property.reaches}. @default none */
  readonly reaches?: readonly string[];
  readonly needs?: string;
}

type Arbitraries<Values> = { readonly [K in keyof Values]: fc.Arbitrary<Values[K]> };

/**
 * Defines a property.
 * @param check throws if the property does not hold for the values. May return the outcome: `read`, `rejected`.
 */
export function property<Values extends [unknown, ...unknown[]]>(
  title: string,
  arbitraries: Arbitraries<Values>,
  check: (...values: Values) => Promise<string | void> | string | void,
  { batch = 100, examples = [], reaches = [], needs }: PropertyOptions<Values> = {},
): Property {
  const run = async (seed: number): Promise<BatchResult> => {
    const outcomes = new Map<string, number>();
    const statement = fc.asyncProperty(
      fc.tuple(...(arbitraries as Arbitraries<unknown[]>)),
      async (values) => {
        const outcome = await check(...(values as Values));
        if (typeof outcome === 'string') outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      },
    );
    const details = await fc.check(statement, {
      seed,
      numRuns: batch,
      includeErrorInReport: true,
      examples: examples.map((values): [unknown[]] => [values]),
    });
    const failure = details.failed ? fc.defaultReportMessage(details) : undefined;
    return { cases: details.numRuns, outcomes, failure };
  };
  return { title, reaches, needs, run };
}

/**
 * Returns the result of the work, or the error if it is of the class.
 * @throws any other error
 */
export function orError<T, E extends Error>(
  errorClass: abstract new (...args: never[]) => E,
  work: () => T,
): T | E {
  try {
    return work();
  } catch (error) {
    if (error instanceof errorClass) return error;
    throw error;
  }
}

/**
 * Any code point, as the unit `binary` of fast-check. That one lists all of them when it is made, which takes longer than the
 * tests of most targets.
 */
export const anyCharacter: fc.Arbitrary<string> = fc.nat({ max: 0x10_f7_ff }).map(
  (number) => String.fromCodePoint(number < 0xd8_00 ? number : number + 0x8_00),
  (text) => {
    const code = typeof text === 'string' ? (text.codePointAt(0) ?? -1) : -1;
    if (code < 0 || text !== String.fromCodePoint(code) || (code >= 0xd8_00 && code < 0xe0_00))
      throw new TypeError('not one code point');
    return code < 0xd8_00 ? code : code - 0x8_00;
  },
);

/** Texts of these pieces in any order, and of arbitrary ones. */
export function textOf(pieces: readonly string[], maxLength = 30): fc.Arbitrary<string> {
  return fc
    .array(
      fc.oneof(
        { weight: 4, arbitrary: fc.constantFrom(...pieces) },
        { weight: 1, arbitrary: fc.string({ unit: anyCharacter, maxLength: 4 }) },
      ),
      { maxLength },
    )
    .map((parts) => parts.join(''));
}

/** The text after the prefix, or nothing. */
export function optional(prefix: string, arbitrary: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.oneof(
    fc.constant(''),
    arbitrary.map((text) => prefix + text),
  );
}
