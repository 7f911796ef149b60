import { untilAborted } from '../../content/cancellation.js';
import { CancelledError, ArgumentError } from '../../oci/errors.js';
import type { CommandContext } from '../commands/command.js';
import { readTextInput } from './input.js';

/** Standard input that is a terminal. */
export type KeyboardInput = NodeJS.ReadableStream & {
  readonly isTTY: true;
  /** In raw mode, keys are delivered as they are pressed, without echo. */
  setRawMode(on: boolean): unknown;
};

const CTRL_C = '\u0003';
const CTRL_D = '\u0004';
const CTRL_U = '\u0015';
const ESCAPE = '\u001b';
const BACKSPACE = '\b';
const DELETE = '\u007f';
/** The escape sequences of arrow keys, function keys and pastes (ECMA-48, 5.4; SS3). */
const KEY_SEQUENCE = new RegExp(`${ESCAPE}(?:\\[[0-?]*[ -/]*[@-~]|O[ -~])`, 'g');

/** Reports whether standard input is a terminal. */
export function isKeyboard(stdin: NodeJS.ReadableStream): stdin is KeyboardInput {
  return 'isTTY' in stdin && stdin.isTTY === true && 'setRawMode' in stdin;
}

/** A prompt for one line. */
export interface Question {
  readonly text: string;
  /** Whether the typed text is hidden. */
  readonly secret: boolean;
}

/**
 * Asks one question after the other. The terminal echoes nothing until the last answer, so that user name and password can be pasted
 * together. Restores the terminal at the end, also on errors.
 * @param show writes to the terminal
 * @returns the answers in order
 * @throws CancelledError for Ctrl-C and for the end of the input
 */
export async function askTyped(
  stdin: KeyboardInput,
  questions: readonly Question[],
  show: (text: string) => void,
  signal: AbortSignal,
): Promise<string[]> {
  const answers: string[] = [];
  stdin.setRawMode(true);
  stdin.setEncoding('utf8');
  try {
    for (const { text, secret } of questions) {
      show(text);
      // The Enter key is not echoed either.
      answers.push(await readLine(stdin, secret ? () => {} : show, signal).finally(() => show('\n')));
    }
    return answers;
  } finally {
    stdin.setRawMode(false);
  }
}

async function readLine(
  stdin: KeyboardInput,
  echo: (text: string) => void,
  signal: AbortSignal,
): Promise<string> {
  const line = new TypedLine(echo);
  const read = (chunk: string | Buffer): void => {
    const rest = line.read(chunk.toString());
    if (rest === undefined) return;
    // Input from now on belongs to the next question.
    stdin.pause();
    if (rest !== '') stdin.unshift(rest, 'utf8');
  };
  stdin.on('data', read);
  stdin.once('end', line.end);
  stdin.resume();
  try {
    return await untilAborted(signal, line.entered);
  } finally {
    stdin.off('data', read);
    stdin.off('end', line.end);
    stdin.pause();
  }
}

/** A line that is being typed. */
class TypedLine {
  /** Resolves to the finished line. */
  readonly entered: Promise<string>;
  readonly #echo: (text: string) => void;
  #keys: readonly string[] = [];
  #done = false;
  #settle: (outcome: string | CancelledError) => void = () => {};

  /** @param echo shows typed text */
  constructor(echo: (text: string) => void) {
    this.#echo = echo;
    this.entered = new Promise((resolve, reject) => {
      this.#settle = (outcome) => {
        this.#done = true;
        if (typeof outcome === 'string') resolve(outcome);
        else reject(outcome);
      };
    });
  }

  /** @returns the input after the end of the line; `undefined` while it is unfinished */
  read(text: string): string | undefined {
    const keys = Array.from(text.replaceAll(KEY_SEQUENCE, ''));
    for (const [index, key] of keys.entries()) {
      this.#press(key);
      if (this.#done) return keys.slice(index + 1).join('');
    }
    return undefined;
  }

  readonly end = (): void => {
    this.#settle(new CancelledError('cancelled: nothing was entered'));
  };

  #press(key: string): void {
    if (key === '\r' || key === '\n') this.#settle(this.#keys.join(''));
    else if (key === CTRL_C || (key === CTRL_D && this.#keys.length === 0)) this.end();
    else if (key === CTRL_U) this.#erase(this.#keys.length);
    else if (key === BACKSPACE || key === DELETE) this.#erase(1);
    else if (!/\p{Cc}/u.test(key)) {
      this.#keys = [...this.#keys, key];
      this.#echo(key);
    }
  }

  #erase(count: number): void {
    const left = this.#keys.slice(0, Math.max(0, this.#keys.length - count));
    this.#echo('\b \b'.repeat(this.#keys.length - left.length));
    this.#keys = left;
  }
}

/** Reads the password from standard input, without the line feed that `echo` adds. @throws ArgumentError if it is empty */
export async function readPassword(context: Pick<CommandContext, 'signal' | 'stdin'>): Promise<string> {
  const { text } = await readTextInput('-', context);
  const password = text.replace(/\r?\n$/, '');
  if (password !== '') return password;
  throw new ArgumentError('no password on standard input', {
    hint: 'Check whether the variable or file it comes from is empty.',
  });
}
