import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';

import { cancelStream } from '../content/cancellation.js';
import { ArgumentError, FailedError, InvalidError, MultiarchError, NotFoundError } from '../oci/errors.js';
import { MAX_MANIFEST_PULL } from '../oci/limits.js';
import type { CommandContext } from './command.js';

/** A document that is to be looked at, byte for byte. */
export interface DocumentInput {
  /** What messages call it. */
  readonly label: string;
  readonly bytes: Uint8Array;
}

/**
 * Reads what a word on the command line names: `-` is standard input; a path is a file where there is one, where it
 * begins with `/`, `./` or `../`, and where it ends in `.json`; anything else is a draft, or an image or index in a
 * registry or layout.
 * @throws NotFoundError; InvalidError for what is too large for a document, and for what is published but not valid
 */
export async function readDocument(
  name: string,
  { client, signal, stdin }: Pick<CommandContext, 'client' | 'signal' | 'stdin'>,
): Promise<DocumentInput> {
  if (name === '-') {
    const label = 'standard input';
    // A real one is closed when the work is cancelled; else it would keep the process waiting.
    const stream = stdin instanceof Readable ? stdin : new Readable().wrap(stdin);
    return { label, bytes: await readAll(stream, label, signal) };
  }
  if (await isFile(name)) {
    const stream = createReadStream(name);
    return { label: name, bytes: await readAll(stream, name, signal) };
  }
  const { name: label, origin, document } = await client.inspect(name);
  return { label: origin === 'draft' ? `the draft ${label}` : label, bytes: document.bytes };
}

async function isFile(name: string): Promise<boolean> {
  const isPath = /^\.{0,2}[/\\]/.test(name) || name.endsWith('.json');
  try {
    const found = await stat(name);
    if (!found.isDirectory()) return true;
    if (!isPath) return false;
  } catch {
    // Opening it says why it cannot be read.
    return isPath;
  }
  throw new ArgumentError(`${name} is a directory`, {
    hint: `Name a file in it, or an image in it as oci:${name}:TAG if it is an image layout.`,
  });
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
  const reason = error instanceof Error ? error.message : String(error);
  return new FailedError(`cannot read ${label}: ${reason}`, { cause: error });
}
