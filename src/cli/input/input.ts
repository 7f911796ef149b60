/**
 * The input of commands: files, standard input, passwords, and the syntax of option values.
 *
 * Offers addressed-annotation, build-metadata, duration, input, login-flags, prompt, size, variables.
 * @module cli/input
 */
import { constants, createReadStream, openSync, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';

import { cancelStream } from '../../content/cancellation.js';
import { checkDocumentFile } from '../../client/forgotten-transport.js';
import type { InspectOptions } from '../../client/inspect.js';
import type { Inspection } from '../../client/inspection.js';
import {
  ArgumentError,
  InvalidError,
  MISSING_PATH_HINT,
  MultiarchError,
  NotFoundError,
  type Problem,
} from '../../oci/errors.js';
import { MAX_MANIFEST_PULL } from '../../oci/document.js';
import { isExplicitRegistryName } from '../../oci/image-location.js';
import { fileError } from '../../files/file-error.js';
import { inspectedName } from '../output/draft-text.js';
import type { CommandContext } from '../commands/command.js';

/** An input document. */
export interface DocumentInput {
  /** The name for messages. */
  readonly label: string;
  readonly bytes: Uint8Array;
  /** Absent for a file and for standard input. */
  readonly state?: Inspection['state'];
  /** Problems of a draft that its bytes do not show. */
  readonly problems?: readonly Problem[];
}

/**
 * Reads a file, or standard input for `-`.
 * @throws NotFoundError, FailedError, CancelledError; ArgumentError for an image archive; InvalidError for input that is too
 *   large
 */
export async function readInput(
  name: string,
  { signal, stdin }: Pick<CommandContext, 'signal' | 'stdin'>,
): Promise<DocumentInput> {
  if (name !== '-') {
    checkDocumentFile(name);
    return { label: name, bytes: await readAll(await openFile(name), name, signal) };
  }
  const label = 'standard input';
  const stream = stdin instanceof Readable ? stdin : new Readable().wrap(stdin);
  return { label, bytes: await readAll(stream, label, signal) };
}

/** As {@link readInput}, decoded. @throws InvalidError for invalid UTF-8 */
export async function readTextInput(
  name: string,
  context: Pick<CommandContext, 'signal' | 'stdin'>,
): Promise<{ readonly label: string; readonly text: string }> {
  const input = await readInput(name, context);
  return { label: input.label, text: decodeText(input) };
}

/** Decodes the text of a document. @throws InvalidError for invalid UTF-8 */
export function decodeText({ label, bytes }: DocumentInput): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new InvalidError(`${label} is not valid UTF-8`, { cause });
  }
}

/**
 * Reports whether an argument names a file rather than an image: it starts with `/`, `./` or `../`, ends with `.json`,
 * `.yaml` or `.yml`, or the file exists. `docker://REF` is never a file.
 */
export async function isFileName(name: string): Promise<boolean> {
  if (isExplicitRegistryName(name)) return false;
  const isPath = /^\.{0,2}[/\\]|\.(?:json|ya?ml)$/.test(name);
  try {
    return isPath || !(await stat(name)).isDirectory();
  } catch {
    return false;
  }
}

async function openFile(name: string): Promise<Readable> {
  try {
    const isPipe = statSync(name, { throwIfNoEntry: false })?.isFIFO() === true;
    return isPipe ? await openPipe(name) : createReadStream(name);
  } catch (error) {
    throw readError(name, error);
  }
}

/**
 * Opens a pipe, such as `<(command)` of a shell. A file stream would wait for its writer in a thread, which neither a signal
 * nor the end of the process interrupts.
 */
async function openPipe(name: string): Promise<Readable> {
  const { Socket } = await import('node:net');
  const fd = openSync(name, constants.O_RDONLY | constants.O_NONBLOCK);
  return new Socket({ fd, readable: true, writable: false });
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
        throw new InvalidError(`${label} is larger than the maximum of ${MAX_MANIFEST_PULL} bytes`);
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
    return new NotFoundError(`cannot read ${label}: no such file`, { hint: MISSING_PATH_HINT, cause: error });
  }
  if (error instanceof Error && 'code' in error && error.code === 'EISDIR') {
    return new ArgumentError(`${label} is a directory`, {
      hint: `Name a file in it. For an image of an image layout, write oci:${label}:TAG.`,
    });
  }
  if (error instanceof Error && 'code' in error && error.code === 'ERR_INVALID_ARG_VALUE') {
    return new ArgumentError(`cannot read ${label}: the path has a NUL character`, {
      hint: 'Give the path of a file.',
      cause: error,
    });
  }
  return fileError('read', label, error, 'name another file');
}

/**
 * Reads the document that an argument names: standard input for `-`, a file (see {@link isFileName}), else a draft, or an
 * image or index in a registry or layout.
 * @param options.published whether drafts are ignored
 * @throws NotFoundError; InvalidError for input that is too large and for an invalid published document
 */
export async function readDocument(
  name: string,
  { published }: Pick<InspectOptions, 'published'>,
  context: Pick<CommandContext, 'client' | 'signal' | 'stdin'>,
): Promise<DocumentInput> {
  if (name === '-' || (await isFileName(name))) return readInput(name, context);
  const inspection = await context.client.inspect(name, { published });
  const { state, document, problems } = inspection;
  return {
    label: inspectedName(inspection),
    bytes: document.bytes,
    state,
    problems: problems.flatMap(({ kind, message }) =>
      kind === 'format' || kind === 'size' ? [{ pointer: '', message, rule: `draft/${kind}` }] : [],
    ),
  };
}
