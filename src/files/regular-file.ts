import { closeSync, constants, fstatSync, openSync, readFileSync, readSync, type Stats } from 'node:fs';
import { open } from 'node:fs/promises';

import { errorCode } from './file-error.js';

/** NONBLOCK: opening a pipe without a writer would block. Regular files ignore the flag. */
const FLAGS = constants.O_RDONLY | constants.O_NONBLOCK;
/** The number of bytes that are read from a character device: `/dev/null` has none, others may never end. */
const DEVICE_BYTES = 64 * 1024;

/** A pipe, socket or device instead of a file. The message completes "cannot read FILE: ". */
export class SpecialFileError extends Error {
  constructor(kind: string, cause?: unknown) {
    super(`it is a ${kind}, not a regular file`, { cause });
  }
}

/**
 * Reads a file as `readFile` does, but never waits for a pipe. A character device counts as a file with what it has at
 * once: `/dev/null` is an empty file.
 *
 * @throws SpecialFileError for a pipe, a socket or a block device; the error of the file system, unchanged
 */
export async function readRegularFile(path: string): Promise<Buffer> {
  const file = await open(path, FLAGS).catch(rethrow);
  try {
    const stats = await file.stat();
    checkKind(stats);
    if (!stats.isCharacterDevice()) return await file.readFile();
    const buffer = Buffer.alloc(DEVICE_BYTES);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, null);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** As {@link readRegularFile}, synchronously. */
export function readRegularFileSync(path: string): Buffer {
  const descriptor = openForReading(path);
  try {
    const stats = fstatSync(descriptor);
    checkKind(stats);
    if (!stats.isCharacterDevice()) return readFileSync(descriptor);
    const buffer = Buffer.alloc(DEVICE_BYTES);
    return buffer.subarray(0, readSync(descriptor, buffer));
  } finally {
    closeSync(descriptor);
  }
}

function openForReading(path: string): number {
  try {
    return openSync(path, FLAGS);
  } catch (error) {
    return rethrow(error);
  }
}

function rethrow(error: unknown): never {
  throw errorCode(error) === 'ENXIO' ? new SpecialFileError('socket', error) : error;
}

function checkKind(stats: Stats): void {
  if (stats.isFIFO()) throw new SpecialFileError('pipe');
  if (stats.isSocket()) throw new SpecialFileError('socket');
  if (stats.isBlockDevice()) throw new SpecialFileError('device');
}
