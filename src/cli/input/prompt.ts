import { on } from 'node:events';
import { emitKeypressEvents, type Key } from 'node:readline';

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

/** The keypress events of `node:readline`. Keys without a character, such as arrows, have no text. */
type Keypresses = AsyncIterator<[text: string | undefined, key: Key]>;

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
 * Asks one question after the other. Keys typed ahead belong to the next question, so that user name and password can be
 * pasted together. Restores the terminal at the end, also on errors.
 * @param show writes to the terminal
 * @returns the typed lines in order
 * @throws CancelledError for Ctrl-C and for the end of the input
 */
export async function askTyped(
  stdin: KeyboardInput,
  questions: readonly Question[],
  show: (text: string) => void,
  signal: AbortSignal,
): Promise<string[]> {
  const lines: string[] = [];
  stdin.setRawMode(true);
  emitKeypressEvents(stdin);
  const keypresses = on(stdin, 'keypress', { close: ['end'] }) as Keypresses;
  try {
    stdin.resume();
    for (const { text, secret } of questions) {
      show(text);
      const line = untilAborted(signal, readLine(keypresses, secret ? () => {} : show));
      // The Enter key is not echoed either.
      lines.push(await line.finally(() => show('\n')));
    }
    return lines;
  } finally {
    await keypresses.return?.();
    stdin.pause();
    stdin.setRawMode(false);
  }
}

/** Reads keys up to Enter. Backspace and Ctrl-U erase; other control keys are ignored. */
async function readLine(keypresses: Keypresses, echo: (text: string) => void): Promise<string> {
  const line: string[] = [];
  const erase = (count: number): void => echo('\b \b'.repeat(line.splice(-count).length));
  for (;;) {
    const { done, value } = await keypresses.next();
    const [text = '', { name, ctrl = false }] = done === true ? [undefined, {}] : value;
    const isEnd = done === true || (ctrl && (name === 'c' || (name === 'd' && line.length === 0)));
    if (isEnd) throw new CancelledError('cancelled: nothing was entered');
    if (name === 'return' || name === 'enter') return line.join('');
    if (name === 'backspace') erase(1);
    else if (ctrl && name === 'u') erase(Infinity);
    else if (text !== '' && !/\p{Cc}/u.test(text)) {
      line.push(text);
      echo(text);
    }
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
