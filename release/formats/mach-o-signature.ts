import { createHash } from 'node:crypto';

import { addMachOCommand, LC, machOSegment, setLinkEditSize } from './mach-o.js';

const PAGE_BITS = 12;
const HASH_SIZE = 32;
/** `CSMAGIC_EMBEDDED_SIGNATURE` and `CSMAGIC_CODEDIRECTORY` (`osfmk/kern/cs_blobs.h` of Apple's xnu). */
const EMBEDDED_SIGNATURE = 0xfade0cc0;
const CODE_DIRECTORY = 0xfade0c02;
/** The first version with the fields of the executable segment. */
const VERSION = 0x20400;
/** `CS_ADHOC | CS_LINKER_SIGNED`, as linkers sign: `codesign` may replace it. */
const FLAGS = 0x20002;
const SHA256 = 2;
/** `CS_EXECSEG_MAIN_BINARY` */
const MAIN_BINARY = 1n;
const SUPER_BLOB_SIZE = 20;
const DIRECTORY_SIZE = 88;
const ALIGNMENT = 16;

/**
 * Signs a Mach-O executable ad hoc, as the linker of macOS does: hashes of all pages, without an identity. macOS runs no
 * program for arm64 without a signature.
 *
 * @param identifier what the signature calls the program
 * @throws Error if the file is signed already or has no room for the load command
 */
export function signMachO(file: Buffer, identifier: string): Buffer {
  const name = Buffer.from(`${identifier}\0`);
  const start = Math.ceil(file.length / ALIGNMENT) * ALIGNMENT;
  const pages = Math.ceil(start / (1 << PAGE_BITS));
  const hashes = DIRECTORY_SIZE + name.length;
  const length = hashes + pages * HASH_SIZE;
  const size = Math.ceil((SUPER_BLOB_SIZE + length) / ALIGNMENT) * ALIGNMENT;
  const signed = Buffer.concat([file, Buffer.alloc(start + size - file.length)]);
  const command = Buffer.alloc(16);
  for (const [index, value] of [LC.codeSignature, command.length, start, size].entries()) {
    command.writeUInt32LE(value, index * 4);
  }
  addMachOCommand(signed, command);
  const { at: linkEdit } = machOSegment(signed, '__LINKEDIT');
  setLinkEditSize(signed, signed.length - Number(signed.readBigUInt64LE(linkEdit + 40)));
  const { at: text } = machOSegment(signed, '__TEXT');

  const signature = signed.subarray(start);
  writeNumbers(signature, 0, [EMBEDDED_SIGNATURE, SUPER_BLOB_SIZE + length, 1, 0, SUPER_BLOB_SIZE]);
  const directory = signature.subarray(SUPER_BLOB_SIZE);
  // No special slots: no requirements, resources or entitlements.
  writeNumbers(directory, 0, [
    CODE_DIRECTORY,
    length,
    VERSION,
    FLAGS,
    hashes,
    DIRECTORY_SIZE,
    0,
    pages,
    start,
  ]);
  directory.set([HASH_SIZE, SHA256, 0, PAGE_BITS], 36);
  directory.writeBigUInt64BE(signed.readBigUInt64LE(text + 40), 64);
  directory.writeBigUInt64BE(signed.readBigUInt64LE(text + 48), 72);
  directory.writeBigUInt64BE(MAIN_BINARY, 80);
  name.copy(directory, DIRECTORY_SIZE);
  // Last, since the first page has the load commands.
  for (let page = 0; page < pages; page += 1) {
    const bytes = signed.subarray(page << PAGE_BITS, Math.min(start, (page + 1) << PAGE_BITS));
    createHash('sha256')
      .update(bytes)
      .digest()
      .copy(directory, hashes + page * HASH_SIZE);
  }
  return signed;
}

function writeNumbers(bytes: Buffer, at: number, values: readonly number[]): void {
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, at + index * 4);
}
