import { Header } from 'tar/header';

import { charge } from '../../content/budget.js';
import { InvalidError } from '../../oci/errors.js';
import { notTarError } from './file-signatures.js';
import { type RandomAccessFile, ReadAhead } from './random-access-file.js';

/** An entry of the archive's file tree, with the extension headers that describe it applied. */
export interface TarEntry {
  /** `other`: a directory, a device, a pipe. */
  readonly type: 'file' | 'hard-link' | 'symbolic-link' | 'other';
  /** As recorded in the archive. */
  readonly name: string;
  /** The target of a link, as recorded in the archive; empty for other entries. */
  readonly target: string;
  /** The offset of the content in the archive, in bytes. */
  readonly start: number;
  /** In bytes; 0 for entries without content. */
  readonly size: number;
}

type TypeKey = Header['typeKey'];
type Records = ReadonlyMap<string, string>;

/** The keywords that have an effect here. Others are not kept: an archive can repeat headers with megabytes of them. */
const KEYWORDS = new Set(['path', 'linkpath', 'size']);
const SPARSE_KEYWORDS = 'GNU.sparse.';

/** The extension headers before the header of the next entry. */
interface PendingExtension {
  /** The offset of the first one, in bytes. */
  readonly position: number;
  readonly records: Map<string, string>;
}

const BLOCK_SIZE = 512;
const ZERO_BLOCK = Buffer.alloc(BLOCK_SIZE);
/** The maximum size of a long name or pax header, in bytes: no path is that long. */
const MAX_EXTENSION = 1024 * 1024;

const ENTRY_TYPES: ReadonlyMap<TypeKey, TarEntry['type']> = new Map([
  ['0', 'file'],
  ['7', 'file'],
  ['1', 'hard-link'],
  ['2', 'symbolic-link'],
  ['3', 'other'],
  ['4', 'other'],
  ['5', 'other'],
  ['6', 'other'],
]);

/** Parsers of the headers that describe the next entry or (`g`) all following ones. They return `undefined` for damage. */
const EXTENSIONS: ReadonlyMap<TypeKey, (content: Buffer) => Records | undefined> = new Map([
  ['x', parsePaxRecords],
  ['X', parsePaxRecords],
  ['g', parsePaxRecords],
  ['L', (content: Buffer) => new Map([['path', untilNul(content)]])],
  ['K', (content: Buffer) => new Map([['linkpath', untilNul(content)]])],
]);

export interface TarOptions {
  readonly signal?: AbortSignal | undefined;
  /** Require the end-of-archive marker, which tar itself does not. @default false */
  readonly endRequired?: boolean | undefined;
}

/**
 * Reads the headers of a tar file (POSIX.1-2017, pax, "ustar Interchange Format" and "pax Extended Header"; GNU tar
 * manual, "Basic Tar Format"; the older Unix version 7 format). Contents are skipped after checking that the file is
 * long enough. Data after the end-of-archive marker is ignored.
 *
 * @throws InvalidError if the file is not a tar file, is damaged or truncated, or has a sparse file; LimitError;
 *   CancelledError
 */
export async function* tarEntries(
  file: RandomAccessFile,
  { signal, endRequired = false }: TarOptions = {},
): AsyncGenerator<TarEntry> {
  const { label } = file;
  const what = (): string => `the headers of ${label}`;
  const reader = new ReadAhead(file, signal);
  const globals = new Map<string, string>();
  let pending: PendingExtension | undefined;
  /** Whether a keyword of GNU tar says that the next entry is a sparse file. */
  let isSparse = false;
  let position = 0;

  while (!(await isEnd(reader, position, endRequired))) {
    charge('metadata', BLOCK_SIZE, what);
    const block = await reader.bytes(position, BLOCK_SIZE);
    const recorded = (keyword: string): string | undefined =>
      pending?.records.get(keyword) ?? globals.get(keyword);
    const header = decodeHeader(label, position, block, recorded('path') ?? '');
    const name = recorded('path') || (header.path ?? '');
    const type = ENTRY_TYPES.get(header.typeKey);
    const size = contentSize(label, position, header, type === undefined ? undefined : recorded('size'));
    const start = position + BLOCK_SIZE;
    const next = start + Math.ceil(size / BLOCK_SIZE) * BLOCK_SIZE;
    if (next > file.size) {
      throw truncatedError(
        label,
        `entry ${JSON.stringify(name)} ends at byte ${next}, but the file ends at byte ${file.size}`,
      );
    }

    const readExtension = EXTENSIONS.get(header.typeKey);
    if (readExtension === undefined) {
      if (isSparse || header.typeKey === 'S') throw sparseFileError(label, name);
      if (type !== undefined) {
        const isLink = type === 'hard-link' || type === 'symbolic-link';
        charge('entries', 1, () => `${JSON.stringify(name)} of ${label}`);
        const target = isLink ? recorded('linkpath') || (header.linkpath ?? '') : '';
        yield { type, name, target, start, size };
      }
      pending = undefined;
      isSparse = false;
    } else {
      if (size > MAX_EXTENSION) throw damagedError(label, position, `extension header of ${size} bytes`);
      charge('metadata', size, what);
      const records = readExtension(await reader.bytes(start, size));
      if (records === undefined) throw damagedError(label, start, 'invalid pax header');
      if (header.typeKey !== 'g') pending ??= { position, records: new Map() };
      const into = header.typeKey === 'g' ? globals : pending?.records;
      for (const [keyword, value] of records) {
        if (KEYWORDS.has(keyword)) into?.set(keyword, value);
        if (header.typeKey !== 'g' && keyword.startsWith(SPARSE_KEYWORDS)) isSparse = true;
      }
    }
    position = next;
  }
  if (pending !== undefined) {
    throw truncatedError(label, `the header at byte ${pending.position} describes a missing entry`);
  }
}

/** Reports whether the archive ends here: with two zero blocks or, as tar tolerates, with one or none. */
async function isEnd(reader: ReadAhead, position: number, required: boolean): Promise<boolean> {
  const block = await reader.bytes(position, BLOCK_SIZE);
  if (block.length === 0) {
    if (required) throw truncatedError(reader.label, `no end-of-archive marker at byte ${position}`);
    return true;
  }
  if (block.length < BLOCK_SIZE) throw partialHeaderError(reader.label, position, block);
  if (!block.equals(ZERO_BLOCK)) return false;
  const second = position + BLOCK_SIZE;
  const following = await reader.bytes(second, BLOCK_SIZE);
  if (following.length === 0) return true;
  if (following.length < BLOCK_SIZE) throw partialHeaderError(reader.label, second, following);
  if (!following.equals(ZERO_BLOCK))
    throw damagedError(reader.label, second, 'data after the end-of-archive marker');
  return true;
}

function decodeHeader(label: string, position: number, block: Buffer, path: string): Header {
  let header: Header | undefined;
  try {
    // The class needs the long name to detect old-style directories. Other values are not passed: it would put the prefix
    // of the short name before the long one, and accept malformed sizes.
    header = path === '' ? new Header(block) : new Header(block, 0, { path });
  } catch {
    // An invalid base-256 number.
  }
  if (header?.cksumValid === true) return header;
  throw position === 0 ? notTarError(label, block) : damagedError(label, position, 'invalid entry header');
}

/** @param recorded the size in a pax header, in decimal digits */
function contentSize(label: string, position: number, header: Header, recorded: string | undefined): number {
  const type = ENTRY_TYPES.get(header.typeKey);
  // Links and directories may record a size although they have no content.
  if (type !== undefined && type !== 'file') return 0;
  const size = recorded ? (/^\d+$/.test(recorded) ? Number(recorded) : undefined) : header.size;
  if (size === undefined || !Number.isSafeInteger(size)) {
    throw damagedError(label, position, 'invalid entry size');
  }
  return size;
}

/** The content of a sparse file is stored in pieces, so it cannot be read in place. */
function sparseFileError(label: string, name: string): InvalidError {
  return new InvalidError(`${label} has a sparse file ${JSON.stringify(name)}, which is not supported`, {
    hint: 'Create the archive without --sparse.',
  });
}

function untilNul(content: Buffer): string {
  const end = content.indexOf(0);
  return content.toString('utf8', 0, end === -1 ? content.length : end);
}

function partialHeaderError(label: string, position: number, bytes: Buffer): InvalidError {
  if (position === 0) return notTarError(label, bytes);
  return truncatedError(
    label,
    `the header at byte ${position} is ${bytes.length} bytes long, not ${BLOCK_SIZE}`,
  );
}

function truncatedError(label: string, what: string): InvalidError {
  return new InvalidError(`${label} is truncated: ${what}`, { hint: 'Create or download it again.' });
}

function damagedError(label: string, position: number, problem: string): InvalidError {
  return new InvalidError(`${label} is damaged at byte ${position}: ${problem}`, {
    hint: 'Create or download it again.',
  });
}

const SPACE = 0x20;
const EQUALS = 0x3d;
const NEW_LINE = 0x0a;
/** The maximum number of digits of a record's length. */
const MAX_LENGTH_DIGITS = 10;

/**
 * Parses the records of a pax extended header (POSIX.1-2017, pax, "pax Extended Header"): `"%d %s=%s\n"` with the length
 * of the record, the keyword and the value. The last value of a repeated keyword wins.
 *
 * `Pax` of the tar package is not used: it splits the header into lines, so it silently drops values with a line feed or
 * invalid UTF-8, parses the inside of a value as a record, and ignores damage.
 *
 * @returns `undefined` if the bytes are not valid records
 */
export function parsePaxRecords(bytes: Buffer): ReadonlyMap<string, string> | undefined {
  const records = new Map<string, string>();
  let start = 0;
  while (start < bytes.length) {
    const space = bytes.indexOf(SPACE, start);
    if (space === -1 || space - start > MAX_LENGTH_DIGITS) return undefined;
    const digits = bytes.toString('latin1', start, space);
    if (!/^[1-9]\d*$/.test(digits)) return undefined;
    const end = start + Number(digits);
    const equals = bytes.indexOf(EQUALS, space);
    if (end > bytes.length || bytes[end - 1] !== NEW_LINE) return undefined;
    if (equals <= space + 1 || equals >= end - 1) return undefined;
    records.set(bytes.toString('utf8', space + 1, equals), bytes.toString('utf8', equals + 1, end - 1));
    start = end;
  }
  return records;
}
