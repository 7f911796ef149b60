/** A value that may complete a command line. */
export interface Candidate {
  readonly value: string;
  readonly description?: string | undefined;
}

/** What a shell does with candidates: the bits of cobra's `ShellCompDirective`. */
export const DIRECTIVE = {
  /** Complete files if no candidate matches. */
  files: 0,
  /** Nothing follows the value without a space, so do not add one. */
  noSpace: 2,
  noFiles: 4,
  /** Complete directories only. */
  directories: 16,
} as const;

/** The candidates for the end of a command line. */
export interface Completion {
  readonly candidates: readonly Candidate[];
  /** A sum of the bits of {@link DIRECTIVE}. */
  readonly directive: number;
}

/** Completes nothing. */
export const NOTHING: Completion = { candidates: [], directive: DIRECTIVE.noFiles };

/** Completes files. */
export const FILES: Completion = { candidates: [], directive: DIRECTIVE.files };

/** Completes directories. */
export const DIRECTORIES: Completion = { candidates: [], directive: DIRECTIVE.directories };

/**
 * Returns a completion with the candidates that start with a text, each once. The shell adds a space after the value, unless
 * all of them are only the start of one: `requests=`.
 */
export function completionOf(
  candidates: readonly Candidate[],
  text: string,
  directive: number = DIRECTIVE.noFiles,
): Completion {
  const matching = new Map(
    candidates
      .filter(({ value }) => value.startsWith(text))
      .map((candidate) => [candidate.value, candidate] as const),
  );
  const isStart = matching.size > 0 && [...matching.keys()].every((value) => /[=:/]$/.test(value));
  return {
    candidates: [...matching.values()],
    directive: directive + (isStart ? DIRECTIVE.noSpace : 0),
  };
}
