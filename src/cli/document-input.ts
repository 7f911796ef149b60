import type { CommandContext } from './command.js';
import { isFileName, readInput, type DocumentInput } from './input.js';

/**
 * Reads what a word on the command line names: `-` is standard input; a file is one as `isFileName` says; anything else
 * is a draft, or an image or index in a registry or layout.
 * @throws NotFoundError; InvalidError for what is too large for a document, and for what is published but not valid
 */
export async function readDocument(
  name: string,
  context: Pick<CommandContext, 'client' | 'signal' | 'stdin'>,
): Promise<DocumentInput> {
  if (name === '-' || (await isFileName(name))) return readInput(name, context);
  const { name: label, origin, document } = await context.client.inspect(name);
  return { label: origin === 'draft' ? `the draft ${label}` : label, bytes: document.bytes };
}
