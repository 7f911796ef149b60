import { ArgumentError } from '../oci/errors.js';
import type { CommandContext } from './command.js';
import { readTextInput } from './input.js';

/** The password on standard input, without the line end that `echo` leaves. @throws ArgumentError where there is none */
export async function readPassword(context: Pick<CommandContext, 'signal' | 'stdin'>): Promise<string> {
  const { text } = await readTextInput('-', context);
  const password = text.replace(/\r?\n$/, '');
  if (password !== '') return password;
  throw new ArgumentError('there is no password on standard input', {
    hint: 'Is the variable or file empty that it comes from?',
  });
}
