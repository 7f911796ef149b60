import { untilAborted } from '../../content/cancellation.js';
import { CancelledError, ArgumentError } from '../../oci/errors.js';
import type { CommandContext } from '../commands/command.js';
import { readTextInput } from './input.js';

/** Standard input where a person sits at it. */
export type KeyboardInput = NodeJS.ReadableStream & {
  readonly isTTY: true;
  /** Keys as they are pressed, and not shown. */
  setRawMode(on: boolean): unknown;
};

const CTRL_C = '\u0003';
const CTRL_D = '\u0004';
const CTRL_U = '\u0015';
const ESCAPE = '\u001b';
const BACKSPACE = '\b';
const DELETE = '\u007f';
/** What arrows and other keys without a letter send, and what marks a paste (ECMA-48, 5.4; SS3). */
const KEY_SEQUENCE = new RegExp(`${ESCAPE}(?:\\[[0-?]*[ -/]*[@-~]|O[ -~])`, 'g');

/** Whether a person can be asked. */
export function isKeyboard(stdin: NodeJS.ReadableStream): stdin is KeyboardInput {
  return 'isTTY' in stdin && stdin.isTTY === true && 'setRawMode' in stdin;
}

/** A line that a person is asked for. */
export interface Question {
  readonly text: string;
  /** Nothing of the answer is shown. */
  readonly secret: boolean;
}

/**
 * Asks a person one question after the other. The terminal itself shows nothing that is typed from the first to the last:
 * name and password may be pasted together.
 * @param show writes to the person
 * @returns the answers, in turn
 * @throws CancelledError for Ctrl-C and for the end of the input; the terminal is as it was before then
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
      // The key that ends the line is not shown either.
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
    // Before anything else arrives: it is of the next question.
    stdin.pause();
    if (rest !== '') stdin.unshift(rest, 'utf8');
  };
  stdin.on('data', read);
  stdin.once('end', line.end);
  // It was paused after the question before.
  stdin.resume();
  try {
    return await untilAborted(signal, line.entered);
  } finally {
    stdin.off('data', read);
    stdin.off('end', line.end);
    stdin.pause();
  }
}

/** What has been typed of a line, by keys that come one by one or many at a time. */
class TypedLine {
  /** The line, once it is ended. */
  readonly entered: Promise<string>;
  readonly #echo: (text: string) => void;
  #keys: readonly string[] = [];
  #done = false;
  #settle: (outcome: string | CancelledError) => void = () => {};

  /** @param echo shows what is typed */
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

  /** @returns what comes after the end of the line, once it is ended */
  read(text: string): string | undefined {
    const keys = Array.from(text.replaceAll(KEY_SEQUENCE, ''));
    for (const [index, key] of keys.entries()) {
      this.#press(key);
      if (this.#done) return keys.slice(index + 1).join('');
    }
    return undefined;
  }

  readonly end = (): void => {
    this.#settle(new CancelledError('Cancelled: nothing was entered'));
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

/** The password on standard input, without the line end that `echo` leaves. @throws ArgumentError where there is none */
export async function readPassword(context: Pick<CommandContext, 'signal' | 'stdin'>): Promise<string> {
  const { text } = await readTextInput('-', context);
  const password = text.replace(/\r?\n$/, '');
  if (password !== '') return password;
  throw new ArgumentError('there is no password on standard input', {
    hint: 'Is the variable or file empty that it comes from?',
  });
}
