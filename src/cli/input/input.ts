/**
 * What commands read: files, standard input, passwords, and the syntax of option values.
 *
 * Offers addressed-annotation, duration, input, login-flags, prompt.
 * @module cli/input
 */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';

import { cancelStream } from '../../content/cancellation.js';
import { ArgumentError, FailedError, InvalidError, MultiarchError, NotFoundError } from '../../oci/errors.js';
import { MAX_MANIFEST_PULL } from '../../oci/document.js';
import type { CommandContext } from '../commands/command.js';

/** A document that was given to a command, byte for byte. */
export interface DocumentInput {
  /** What messages call it. */
  readonly label: string;
  readonly bytes: Uint8Array;
}

/**
 * Reads a file, or standard input for `-`.
 * @throws NotFoundError, FailedError; InvalidError for what is too large for a document; CancelledError
 */
export async function readInput(
  name: string,
  { signal, stdin }: Pick<CommandContext, 'signal' | 'stdin'>,
): Promise<DocumentInput> {
  if (name !== '-') return { label: name, bytes: await readAll(createReadStream(name), name, signal) };
  const label = 'standard input';
  // A real one is closed when the work is cancelled; else it would keep the process waiting.
  const stream = stdin instanceof Readable ? stdin : new Readable().wrap(stdin);
  return { label, bytes: await readAll(stream, label, signal) };
}

/** As {@link readInput}, as text. @throws InvalidError for what is not UTF-8 */
export async function readTextInput(
  name: string,
  context: Pick<CommandContext, 'signal' | 'stdin'>,
): Promise<{ readonly label: string; readonly text: string }> {
  const { label, bytes } = await readInput(name, context);
  try {
    return { label, text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch (cause) {
    throw new InvalidError(`${label} is not text in UTF-8`, { cause });
  }
}

/**
 * Whether a word on the command line names a file rather than an image: where there is one, where it begins with `/`,
 * `../` or `../../`, and where it ends in `.json`.
 */
export async function isFileName(name: string): Promise<boolean> {
  const isPath = /^\.{0,2}[/\\]/.test(name) || name.endsWith('.json');
  try {
    // What it is instead, reading it says.
    return isPath || !(await stat(name)).isDirectory();
  } catch {
    return false;
  }
}

async function readAll(stream: Readable, label: string, signal: AbortSignal): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of cancelStream(stream, signal, `read ${label}`)) {
      const bytes = Buffer.from(chunk as Uint8Array | string);
      chunks.push(bytes);
      size += bytes.length;
      if (size > MAX_MANIFEST_PULL) {
        throw new InvalidError(
          `${label} is larger than ${MAX_MANIFEST_PULL} bytes, which no such document may be`,
        );
      }
    }
  } catch (error) {
    throw readError(label, error);
  }
  return Buffer.concat(chunks);
}

function readError(label: string, error: unknown): MultiarchError {
  if (error instanceof MultiarchError) return error;
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
    return new NotFoundError(`cannot read ${label}: there is no such file`, { cause: error });
  }
  if (error instanceof Error && 'code' in error && error.code === 'EISDIR') {
    return new ArgumentError(`${label} is a directory`, {
      hint: `Name a file in it, or an image in it as oci:${label}:TAG if it is an image layout.`,
    });
  }
  const reason = error instanceof Error ? error.message : String(error);
  return new FailedError(`cannot read ${label}: ${reason}`, { cause: error });
}

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
