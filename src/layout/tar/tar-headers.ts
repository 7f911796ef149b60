import { Header } from 'tar/header';

import { InvalidError } from '../../oci/errors.js';
import { notTar } from './file-signatures.js';
import { type RandomAccessFile, ReadAhead } from './random-access-file.js';

/** An entry that has a place among the files; those that only describe others are not among them. */
export interface TarEntry {
  /** `other`: a directory, a device, a pipe. */
  readonly type: 'file' | 'hard-link' | 'symbolic-link' | 'other';
  /** As the archive has it. */
  readonly name: string;
  /** Where a link leads, as the archive has it; empty for what is no link. */
  readonly target: string;
  /** Where a file's content starts, in bytes from the start of the archive. */
  readonly start: number;
  /** In bytes; 0 for what has no content. */
  readonly size: number;
}

type TypeKey = Header['typeKey'];
type Records = ReadonlyMap<string, string>;

/** What was said of the next entry before its own header. */
interface Pending {
  /** Where that starts, in bytes. */
  readonly position: number;
  readonly records: Map<string, string>;
}

const BLOCK = 512;
const ZEROS = Buffer.alloc(BLOCK);
/** Of a long name or a pax header, in bytes: no path is that long. */
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

/** What describes the next entry, or (`g`) all that follow, read as records; `undefined` where that is damaged. */
const EXTENSIONS: ReadonlyMap<TypeKey, (content: Buffer) => Records | undefined> = new Map([
  ['x', parsePaxRecords],
  ['X', parsePaxRecords],
  ['g', parsePaxRecords],
  ['L', (content: Buffer) => new Map([['path', untilNull(content)]])],
  ['K', (content: Buffer) => new Map([['linkpath', untilNull(content)]])],
]);

export interface TarOptions {
  readonly signal?: AbortSignal | undefined;
  /** Whether the end of the archive must be marked, as it ought to be: tar reads one that is not. @default false */
  readonly endRequired?: boolean | undefined;
}

/**
 * Reads a tar file header by header (POSIX.1-2017, pax, "ustar Interchange Format" and "pax Extended Header"; GNU tar's
 * manual, "Basic Tar Format"; the older format of Unix version 7). Contents are passed over, and known to be there in
 * full. What follows the end of the archive is not looked at.
 *
 * @throws InvalidError for what is not a tar file, is damaged or cut off, or has a sparse file; CancelledError
 */
export async function* tarEntries(
  file: RandomAccessFile,
  { signal, endRequired = false }: TarOptions = {},
): AsyncGenerator<TarEntry> {
  const { label } = file;
  const ahead = new ReadAhead(file, signal);
  const globals = new Map<string, string>();
  let pending: Pending | undefined;
  let position = 0;

  while (!(await isEnd(ahead, position, endRequired))) {
    const block = await ahead.bytes(position, BLOCK);
    const stated = (keyword: string): string | undefined =>
      pending?.records.get(keyword) ?? globals.get(keyword);
    const header = decodeHeader(label, position, block, stated('path') ?? '');
    const name = stated('path') || (header.path ?? '');
    const type = ENTRY_TYPES.get(header.typeKey);
    const size = contentSize(label, position, header, type === undefined ? undefined : stated('size'));
    const start = position + BLOCK;
    const next = start + Math.ceil(size / BLOCK) * BLOCK;
    if (next > file.size) {
      throw cutOff(
        label,
        `its entry ${JSON.stringify(name)} ends at byte ${next}, the file at byte ${file.size}`,
      );
    }

    const readExtension = EXTENSIONS.get(header.typeKey);
    if (readExtension === undefined) {
      checkNotSparse(label, name, header, pending);
      if (type !== undefined) {
        const isLink = type === 'hard-link' || type === 'symbolic-link';
        const target = isLink ? stated('linkpath') || (header.linkpath ?? '') : '';
        yield { type, name, target, start, size };
      }
      pending = undefined;
    } else {
      if (size > MAX_EXTENSION) throw damaged(label, position, `a header of ${size} bytes`);
      const records = readExtension(await ahead.bytes(start, size));
      if (records === undefined) throw damaged(label, start, 'no readable pax header');
      if (header.typeKey !== 'g') pending ??= { position, records: new Map() };
      const into = header.typeKey === 'g' ? globals : pending?.records;
      for (const [keyword, value] of records) into?.set(keyword, value);
    }
    position = next;
  }
  if (pending !== undefined) {
    throw cutOff(label, `the entry that the header at byte ${pending.position} describes is missing`);
  }
}

/** Whether the archive ends here: with two blocks of zeros, or (which tar lets pass) with one, or nothing at all. */
async function isEnd(ahead: ReadAhead, position: number, required: boolean): Promise<boolean> {
  const block = await ahead.bytes(position, BLOCK);
  if (block.length === 0) {
    if (required) throw cutOff(ahead.label, `its end is missing at byte ${position}`);
    return true;
  }
  if (block.length < BLOCK) throw partOfHeader(ahead.label, position, block);
  if (!block.equals(ZEROS)) return false;
  const second = position + BLOCK;
  const following = await ahead.bytes(second, BLOCK);
  if (following.length === 0) return true;
  if (following.length < BLOCK) throw partOfHeader(ahead.label, second, following);
  if (!following.equals(ZEROS)) throw damaged(ahead.label, second, 'something after the end of the archive');
  return true;
}

function decodeHeader(label: string, position: number, block: Buffer, path: string): Header {
  let header: Header | undefined;
  try {
    // Names decide whether an entry is an old-style directory, so the long one must be known. Nothing else is given: the
    // class puts the prefix of a shortened name before the long one, and goes by any size that a number can be read from.
    header = path === '' ? new Header(block) : new Header(block, 0, { path });
  } catch {
    // A number in base 256 that is none.
  }
  if (header?.cksumValid === true) return header;
  throw position === 0 ? notTar(label, block) : damaged(label, position, 'no header of an entry');
}

/** @param stated by a pax header, in decimal digits */
function contentSize(label: string, position: number, header: Header, stated: string | undefined): number {
  const type = ENTRY_TYPES.get(header.typeKey);
  // What has no content may state a size all the same: of the file that it is a link to, or of a directory.
  if (type !== undefined && type !== 'file') return 0;
  const size = stated ? (/^\d+$/.test(stated) ? Number(stated) : undefined) : header.size;
  if (size === undefined || !Number.isSafeInteger(size)) {
    throw damaged(label, position, 'an entry without a readable size');
  }
  return size;
}

/** A sparse file's content is not in the archive as it is in the file, which cannot be read in place. */
function checkNotSparse(label: string, name: string, header: Header, pending: Pending | undefined): void {
  const keywords = [...(pending?.records.keys() ?? [])];
  if (header.typeKey !== 'S' && !keywords.some((keyword) => keyword.startsWith('GNU.sparse.'))) return;
  throw new InvalidError(`${label} has a sparse file, ${JSON.stringify(name)}, which cannot be read`, {
    hint: 'Make the archive without --sparse.',
  });
}

function untilNull(content: Buffer): string {
  const end = content.indexOf(0);
  return content.toString('utf8', 0, end === -1 ? content.length : end);
}

function partOfHeader(label: string, position: number, bytes: Buffer): InvalidError {
  if (position === 0) return notTar(label, bytes);
  return cutOff(label, `the header at byte ${position} is ${bytes.length} bytes long, not ${BLOCK}`);
}

function cutOff(label: string, what: string): InvalidError {
  return new InvalidError(`${label} is cut off: ${what}`, { hint: 'Write or download it again.' });
}

function damaged(label: string, position: number, found: string): InvalidError {
  return new InvalidError(`${label} is damaged at byte ${position}: there is ${found}`, {
    hint: 'Write or download it again.',
  });
}

const SPACE = 0x20;

const EQUALS = 0x3d;

const NEW_LINE = 0x0a;

/** Digits of a record's length: more cannot be meant. */
const LONGEST_LENGTH = 10;

/**
 * The records of a pax extended header (POSIX.1-2017, pax, "pax Extended Header"): `"%d %s=%s\n"`, the length, which
 * counts itself, the keyword and the value. A keyword that is there twice has the last value.
 *
 * `Pax` of the tar package is not used: it goes by lines, and so drops a value with a line end or a byte that is no
 * UTF-8 without a word, takes what is inside of a value for a record, and does not notice damage.
 *
 * @returns `undefined` where the bytes are no such records
 */
export function parsePaxRecords(bytes: Buffer): ReadonlyMap<string, string> | undefined {
  const records = new Map<string, string>();
  let start = 0;
  while (start < bytes.length) {
    const space = bytes.indexOf(SPACE, start);
    if (space === -1 || space - start > LONGEST_LENGTH) return undefined;
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
