import { createHash } from 'node:crypto';

import { describe, expect, it } from 'vitest';

import { isPe, removeAuthenticode } from '../../release/formats/authenticode.js';
import { isElf, stripElf } from '../../release/formats/elf-symbols.js';
import {
  isMachO,
  machOCommand,
  machOCommands,
  machOSegment,
  stripMachO,
  LC,
} from '../../release/formats/mach-o.js';
import { signMachO } from '../../release/formats/mach-o-signature.js';
import { LOCAL_SYMBOL, machOFile } from './mach-o-file.js';

const CODE_SIGNATURE = 0x1d;

describe('stripElf', () => {
  it('keeps what is loaded, and its section headers', () => {
    const file = elfFile();
    const stripped = stripElf(file);
    expect(isElf(stripped)).toBe(true);
    expect(sectionNames(file)).toEqual(['', '.text', '.symtab', '.bss', '.rela', '.shstrtab']);
    expect(sectionNames(stripped)).toEqual(['', '.text', '.bss', '.rela', '.shstrtab']);
    // The header of the file and the memory of the last segment change.
    expect(stripped.subarray(256, 512)).toEqual(file.subarray(256, 512));
    expect(stripped.includes('symbols')).toBe(false);
    expect(stripElf(stripped)).toEqual(stripped);
  });

  it('points sections to each other as before', () => {
    const stripped = stripElf(elfFile());
    const rela = section(stripped, 3);
    expect(sectionNames(stripped)[rela.readUInt32LE(40)]).toBe('.bss');
    expect(sectionNames(stripped)[rela.readUInt32LE(44)]).toBe('.text');
  });

  it('ends the memory of the last segment with the largest page', () => {
    const stripped = stripElf(elfFile());
    expect(stripped.readBigUInt64LE(64 + 16) + stripped.readBigUInt64LE(64 + 40)).toBe(0x420000n);
  });
});

describe('stripMachO', () => {
  it('removes local symbols and the signature', () => {
    const stripped = stripMachO(machOFile());
    expect(isMachO(stripped)).toBe(true);
    expect(stripped.includes(LOCAL_SYMBOL)).toBe(false);
    expect(stripped.includes('signature')).toBe(false);
    expect(machOCommands(stripped).map(({ type }) => type)).toEqual([
      LC.segment64,
      LC.segment64,
      LC.symtab,
      LC.dysymtab,
    ]);
    expect(symbolNames(stripped)).toEqual(['_main', '_printf']);
    expect(stripped.subarray(1024, 8192)).toEqual(machOFile().subarray(1024, 8192));
  });

  it('numbers the symbols anew', () => {
    const stripped = stripMachO(machOFile());
    const { at } = machOCommand(stripped, LC.dysymtab);
    // Local, defined and undefined symbols: the first and the count of each.
    expect([8, 12, 16, 20, 24, 28].map((offset) => stripped.readUInt32LE(at + offset))).toEqual([
      0, 0, 0, 1, 1, 1,
    ]);
    const indirect = stripped.readUInt32LE(at + 56);
    expect([stripped.readUInt32LE(indirect), stripped.readUInt32LE(indirect + 4)]).toEqual([1, 0x80000000]);
  });

  it('ends the file with the last segment', () => {
    const stripped = stripMachO(machOFile());
    const { at } = machOSegment(stripped, '__LINKEDIT');
    expect(Number(stripped.readBigUInt64LE(at + 40) + stripped.readBigUInt64LE(at + 48))).toBe(
      stripped.length,
    );
  });

  it('rejects another order of the symbols', () => {
    const file = machOFile();
    file.writeUInt32LE(16, machOCommand(file, LC.symtab).at + 16);
    expect(() => stripMachO(file)).toThrow('the symbols of the Mach-O file are in an unknown order');
  });
});

describe('signMachO', () => {
  const signed = signMachO(stripMachO(machOFile()), 'multiarch');
  const command = machOCommand(signed, CODE_SIGNATURE);
  const [start, size] = [signed.readUInt32LE(command.at + 8), signed.readUInt32LE(command.at + 12)];
  const directory = signed.subarray(start + signed.readUInt32BE(start + 16));

  it('is the end of the file and of its last segment', () => {
    expect(start + size).toBe(signed.length);
    const { at } = machOSegment(signed, '__LINKEDIT');
    expect(Number(signed.readBigUInt64LE(at + 40) + signed.readBigUInt64LE(at + 48))).toBe(signed.length);
  });

  it('is a signature without identity, as of a linker', () => {
    expect(signed.readUInt32BE(start)).toBe(0xfade0cc0);
    expect(directory.readUInt32BE(0)).toBe(0xfade0c02);
    expect(directory.readUInt32BE(12)).toBe(0x20002);
    const name = directory.subarray(directory.readUInt32BE(20));
    expect(name.toString('latin1', 0, name.indexOf(0))).toBe('multiarch');
  });

  it('has the hash of each page', () => {
    expect(directory.readUInt32BE(32)).toBe(start);
    const hashes = directory.readUInt32BE(16);
    const count = directory.readUInt32BE(28);
    expect(count).toBe(Math.ceil(start / 4096));
    for (let page = 0; page < count; page += 1) {
      const bytes = signed.subarray(page * 4096, Math.min(start, (page + 1) * 4096));
      expect(directory.subarray(hashes + page * 32, hashes + (page + 1) * 32)).toEqual(
        createHash('sha256').update(bytes).digest(),
      );
    }
  });

  it('is rejected without room for the load command', () => {
    const full = stripMachO(machOFile());
    full.fill(1, 32 + full.readUInt32LE(20), 1024);
    expect(() => signMachO(full, 'multiarch')).toThrow(
      'the Mach-O file has no room for another load command',
    );
  });
});

describe('removeAuthenticode', () => {
  function program(): Buffer {
    const file = Buffer.alloc(1032);
    file.write('MZ');
    file.writeUInt32LE(128, 0x3c);
    file.writeUInt16LE(0x20b, 128 + 24);
    file.writeUInt32LE(7, 128 + 24 + 64);
    file.writeUInt32LE(1024, 128 + 24 + 112 + 32);
    file.writeUInt32LE(8, 128 + 24 + 112 + 36);
    file.write('signature', 1024);
    return file;
  }

  it('removes the signature, its entry and the checksum', () => {
    const unsigned = removeAuthenticode(program());
    expect(isPe(unsigned)).toBe(true);
    expect(unsigned.length).toBe(1024);
    expect(unsigned.subarray(128 + 24 + 112 + 32, 128 + 24 + 112 + 40)).toEqual(Buffer.alloc(8));
    expect(unsigned.readUInt32LE(128 + 24 + 64)).toBe(0);
    expect(removeAuthenticode(unsigned)).toEqual(unsigned);
  });

  it('rejects a signature that is not the end of the file', () => {
    expect(() => removeAuthenticode(Buffer.concat([program(), Buffer.alloc(1)]))).toThrow('is not the end');
  });
});

/** An ELF file with one segment, and sections that are and are not loaded. */
function elfFile(): Buffer {
  const names = '\0.text\0.symtab\0.bss\0.rela\0.shstrtab\0';
  const file = Buffer.alloc(1024 + 6 * 64);
  file.write('\u007fELF\u0002\u0001', 'latin1');
  file.writeBigUInt64LE(64n, 32);
  file.writeBigUInt64LE(1024n, 40);
  file.writeUInt16LE(56, 54);
  file.writeUInt16LE(1, 56);
  file.writeUInt16LE(6, 60);
  file.writeUInt16LE(5, 62);
  // A segment of 512 bytes that takes 4352 bytes of memory at 0x410000.
  file.writeUInt32LE(1, 64);
  file.writeBigUInt64LE(0x410000n, 64 + 16);
  file.writeBigUInt64LE(512n, 64 + 32);
  file.writeBigUInt64LE(4352n, 64 + 40);
  file.fill('code', 256, 512);
  file.write('symbols', 512);
  file.write(names, 600, 'latin1');
  const headers = [
    ['', 0, 0, 0, 0, 0, 0],
    ['.text', 1, 6, 256, 256, 0, 0],
    ['.symtab', 2, 0, 512, 88, 5, 0],
    ['.bss', 8, 3, 512, 4096, 0, 0],
    // Linked to .bss, and about .text.
    ['.rela', 4, 0x42, 300, 24, 3, 1],
    ['.shstrtab', 3, 0, 600, names.length, 0, 0],
  ] as const;
  for (const [index, [name, type, flags, offset, size, link, info]] of headers.entries()) {
    const header = file.subarray(1024 + index * 64);
    header.writeUInt32LE(name === '' ? 0 : names.indexOf(name), 0);
    header.writeUInt32LE(type, 4);
    header.writeBigUInt64LE(BigInt(flags), 8);
    header.writeBigUInt64LE(BigInt(offset), 24);
    header.writeBigUInt64LE(BigInt(size), 32);
    header.writeUInt32LE(link, 40);
    header.writeUInt32LE(info, 44);
  }
  return file;
}

function section(file: Buffer, index: number): Buffer {
  return file.subarray(Number(file.readBigUInt64LE(40)) + index * 64);
}

function sectionNames(file: Buffer): string[] {
  const start = Number(section(file, file.readUInt16LE(62)).readBigUInt64LE(24));
  return Array.from({ length: file.readUInt16LE(60) }, (_, index) => {
    const at = start + section(file, index).readUInt32LE(0);
    return file.toString('latin1', at, file.indexOf(0, at));
  });
}

function symbolNames(file: Buffer): string[] {
  const { at } = machOCommand(file, LC.symtab);
  const [symbols, count, strings] = [8, 12, 16].map((offset) => file.readUInt32LE(at + offset)) as [
    number,
    number,
    number,
  ];
  return Array.from({ length: count }, (_, index) => {
    const start = strings + file.readUInt32LE(symbols + index * 16);
    return file.toString('latin1', start, file.indexOf(0, start));
  });
}
