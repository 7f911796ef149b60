const MAGIC = Buffer.from('\u007fELF\u0002\u0001', 'latin1'); // 64 bits, little-endian
const PT_LOAD = 1;
const SHT_STRTAB = 3;
const SHT_NOBITS = 8;
const SHF_ALLOC = 2;
const SHF_INFO_LINK = 0x40;
const SECTION_SIZE = 64;
/** The largest page of a kernel for arm64. */
const MAX_PAGE = 65536;

/** Reports whether a file is an ELF file of 64 bits. */
export function isElf(file: Buffer): boolean {
  return file.subarray(0, MAGIC.length).equals(MAGIC);
}

/**
 * Removes what is not loaded at run time from an ELF executable, such as symbols and debugging information, as `strip` does.
 * Unlike it, the bytes do not depend on the tools of the machine (System V ABI, "Object Files").
 */
export function stripElf(file: Buffer): Buffer {
  const sections = readSections(file);
  const names = sections[file.readUInt16LE(62)];
  if (names === undefined) throw new Error('the ELF file has no section names');
  const kept = sections.filter(({ index, flags }) => index === 0 || (flags & SHF_ALLOC) !== 0);
  const text = ['', ...kept.map(({ name }) => nameAt(file, names.offset + name)), '.shstrtab'];
  const table = Buffer.from(`${text.slice(1).join('\0')}\0`, 'latin1');
  const end = loadedEnd(file, kept);
  const start = align(end + table.length, 8);
  const headers = Buffer.alloc((kept.length + 1) * SECTION_SIZE);
  const newIndex = new Map(kept.map(({ index }, at) => [index, at]));
  let name = 0;
  for (const [at, { bytes, flags }] of kept.entries()) {
    const header = headers.subarray(at * SECTION_SIZE, (at + 1) * SECTION_SIZE);
    bytes.copy(header);
    header.writeUInt32LE(name, 0);
    header.writeUInt32LE(newIndex.get(bytes.readUInt32LE(40)) ?? 0, 40);
    if ((flags & SHF_INFO_LINK) !== 0) header.writeUInt32LE(newIndex.get(bytes.readUInt32LE(44)) ?? 0, 44);
    name += (text[at + 1] ?? '').length + 1;
  }
  const last = headers.subarray(kept.length * SECTION_SIZE);
  last.writeUInt32LE(name, 0);
  last.writeUInt32LE(SHT_STRTAB, 4);
  last.writeBigUInt64LE(BigInt(end), 24);
  last.writeBigUInt64LE(BigInt(table.length), 32);
  last.writeBigUInt64LE(1n, 48);
  const stripped = Buffer.concat([
    file.subarray(0, end),
    table,
    Buffer.alloc(start - end - table.length),
    headers,
  ]);
  fillLastPage(stripped);
  stripped.writeBigUInt64LE(BigInt(start), 40);
  stripped.writeUInt16LE(kept.length + 1, 60);
  stripped.writeUInt16LE(kept.length, 62);
  return stripped;
}

interface Section {
  readonly index: number;
  /** The position in the section names. */
  readonly name: number;
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly size: number;
  /** The header itself. */
  readonly bytes: Buffer;
}

function readSections(file: Buffer): Section[] {
  const table = readNumber(file, 40);
  return Array.from({ length: file.readUInt16LE(60) }, (_, index) => {
    const bytes = file.subarray(table + index * SECTION_SIZE, table + (index + 1) * SECTION_SIZE);
    return {
      index,
      name: bytes.readUInt32LE(0),
      type: bytes.readUInt32LE(4),
      flags: readNumber(bytes, 8),
      offset: readNumber(bytes, 24),
      size: readNumber(bytes, 32),
      bytes,
    };
  });
}

/**
 * Ends the memory of the last segment with a page. Node.js adds a segment directly behind it, aligned to pages of 4 KiB; the
 * kernels for arm64 with larger pages would load it over this one.
 */
function fillLastPage(file: Buffer): void {
  const end = (at: number): number => readNumber(file, at + 16) + readNumber(file, at + 40);
  const last = loadSegments(file)
    .toSorted((a, b) => end(a) - end(b))
    .at(-1);
  if (last === undefined) return;
  file.writeBigUInt64LE(BigInt(align(end(last), MAX_PAGE) - readNumber(file, last + 16)), last + 40);
}

/** The positions of the headers of the segments that are loaded. */
function loadSegments(file: Buffer): number[] {
  const [table, size] = [readNumber(file, 32), file.readUInt16LE(54)];
  const headers = Array.from({ length: file.readUInt16LE(56) }, (_, index) => table + index * size);
  return headers.filter((at) => file.readUInt32LE(at) === PT_LOAD);
}

/** The end of all that is loaded. */
function loadedEnd(file: Buffer, kept: readonly Section[]): number {
  return Math.max(
    readNumber(file, 32) + file.readUInt16LE(54) * file.readUInt16LE(56),
    ...loadSegments(file).map((at) => readNumber(file, at + 8) + readNumber(file, at + 32)),
    ...kept.filter(({ type }) => type !== SHT_NOBITS).map(({ offset, size: length }) => offset + length),
  );
}

function nameAt(file: Buffer, at: number): string {
  return file.toString('latin1', at, file.indexOf(0, at));
}

function readNumber(bytes: Buffer, at: number): number {
  return Number(bytes.readBigUInt64LE(at));
}

function align(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}
