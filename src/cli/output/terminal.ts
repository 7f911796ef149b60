import type { Writable } from 'node:stream';

import { shownLine } from './shown-text.js';

/** The streams and the environment of a command: those of the process, or of a test. */
export interface Terminal {
  /** Only for the result. */
  readonly stdout: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  /** For progress, warnings and errors. */
  readonly stderr: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  readonly stdin: NodeJS.ReadableStream;
  readonly env: NodeJS.ProcessEnv;
}

/** Reports whether colours may be written to a stream (no-color.org). */
export function mayColor(stream: { readonly isTTY?: boolean }, env: NodeJS.ProcessEnv): boolean {
  const { NO_COLOR = '', TERM } = env;
  return stream.isTTY === true && NO_COLOR === '' && TERM !== 'dumb';
}

/** How results for people are laid out on stdout. */
export interface Screen {
  /**
   * The columns of the terminal. Infinity for a pipe, a file, and a terminal that does not report its columns: then nothing is
   * shortened or wrapped.
   */
  readonly width: number;
  /** Whether people read the result as it is printed. */
  readonly isTerminal: boolean;
  readonly symbols: Symbols;
}

/** The characters of output that ASCII does not have, or their replacements. */
export interface Symbols {
  readonly ellipsis: string;
  /** The lines of a tree: before a node, before the last one, and before the nodes below either. */
  readonly tree: {
    readonly node: string;
    readonly last: string;
    readonly below: string;
    readonly belowLast: string;
  };
}

const UNICODE: Symbols = {
  ellipsis: '…',
  tree: { node: '├── ', last: '└── ', below: '│   ', belowLast: '    ' },
};

const ASCII: Symbols = {
  ellipsis: '...',
  tree: { node: '|-- ', last: '`-- ', below: '|   ', belowLast: '    ' },
};

/** Describes the screen that results are shown on. `COLUMNS` takes precedence over the columns of the terminal. */
export function screenOf({ stdout, env }: Pick<Terminal, 'stdout' | 'env'>): Screen {
  const isTerminal = stdout.isTTY === true;
  const given = /^[1-9]\d{0,4}$/.test(env['COLUMNS'] ?? '') ? Number(env['COLUMNS']) : stdout.columns;
  return {
    width: isTerminal && given !== undefined && given > 0 ? given : Infinity,
    isTerminal,
    symbols: symbolsOf(env, isTerminal),
  };
}

/** Returns a screen on which nothing is shortened or wrapped. @param wide whether that was requested */
export function widened(screen: Screen, wide: boolean | undefined): Screen {
  return wide === true ? { ...screen, width: Infinity } : screen;
}

/**
 * Returns the symbols that a terminal or file can show. The locale decides where it names an encoding. Without a locale, as in
 * containers and CI jobs, and on Windows, logs and terminals are UTF-8.
 * @param isTerminal whether the text is for a terminal, so that its type counts
 */
export function symbolsOf(env: NodeJS.ProcessEnv, isTerminal: boolean): Symbols {
  const { LC_ALL = '', LC_CTYPE = '', LANG = '', TERM } = env;
  // The Linux console has few characters.
  if (isTerminal && TERM === 'linux') return ASCII;
  const locale = [LC_ALL, LC_CTYPE, LANG].find((value) => value !== '') ?? '';
  return locale === '' || /utf-?8/i.test(locale) ? UNICODE : ASCII;
}

/**
 * Handles write errors on both streams, which would otherwise be uncaught. A reader that closes the pipe early
 * (`multiarch inspect app | head -1`) is not an error; a result that cannot be written, as on a full disk, is one.
 * @returns a function that waits until stdout is flushed and gives the final exit code
 */
export function guardOutput({ stdout, stderr }: Terminal): (code: number) => Promise<number> {
  let failure: NodeJS.ErrnoException | undefined;
  stdout.on('error', (error) => (failure ??= error));
  // Nothing can be reported without stderr.
  stderr.on('error', () => {});
  return async (code) => {
    await new Promise<void>((resolve) => {
      stdout.write('', () => resolve());
    });
    if (failure === undefined || failure.code === 'EPIPE') return code;
    stderr.write(`${shownLine(`error: cannot write the result to standard output: ${failure.message}`)}\n`);
    return code === 0 ? 1 : code;
  };
}
