import type { Architecture, DynamicNeeds } from '../../release/formats/elf.js';

/** Where the only segment is loaded: addresses differ from positions in the file. */
const BASE = 0x10000;
const HEADERS = 64 + 2 * 56;

/** An ELF file that needs these libraries and versions. It cannot be run. */
export function dynamicElf(architecture: Architecture, { libraries, versions }: DynamicNeeds): Buffer {
  const strings = ['', ...libraries, ...versions.keys(), ...[...versions.values()].flat()];
  const table = Buffer.from(strings.map((text) => `${text}\0`).join(''));
  const offsetOf = (text: string): number => table.indexOf(`\0${text}\0`) + 1;
  const needs = Buffer.concat(
    [...versions].map(([library, names], at) => {
      const entries = names.map((name, index) => {
        const entry = Buffer.alloc(16);
        entry.writeUInt32LE(offsetOf(name), 8);
        entry.writeUInt32LE(index === names.length - 1 ? 0 : 16, 12);
        return entry;
      });
      const head = Buffer.alloc(16);
      head.writeUInt16LE(names.length, 2);
      head.writeUInt32LE(offsetOf(library), 4);
      head.writeUInt32LE(16, 8);
      head.writeUInt32LE(at === versions.size - 1 ? 0 : 16 + 16 * names.length, 12);
      return Buffer.concat([head, ...entries]);
    }),
  );
  const needsAt = HEADERS;
  const tableAt = needsAt + needs.length;
  const dynamicAt = tableAt + table.length;
  const dynamic = Buffer.concat(
    [
      ...libraries.map((name) => [1, offsetOf(name)] as const),
      [5, BASE + tableAt] as const,
      [0x6ffffffe, BASE + needsAt] as const,
      [0x6fffffff, versions.size] as const,
      [0, 0] as const,
    ].map((pair) => Buffer.from(new BigUint64Array(pair.map(BigInt)).buffer)),
  );
  const header = Buffer.alloc(64);
  header.write('\u007fELF\u0002\u0001\u0001', 'latin1');
  header.writeUInt16LE(architecture === 'amd64' ? 62 : 183, 18);
  header.writeBigUInt64LE(64n, 32);
  header.writeUInt16LE(56, 54);
  header.writeUInt16LE(2, 56);
  return Buffer.concat([
    header,
    segment(1, 0, dynamicAt + dynamic.length),
    segment(2, dynamicAt, dynamic.length),
    needs,
    table,
    dynamic,
  ]);
}

function segment(type: number, offset: number, size: number): Buffer {
  const entry = Buffer.alloc(56);
  entry.writeUInt32LE(type, 0);
  entry.writeBigUInt64LE(BigInt(offset), 8);
  entry.writeBigUInt64LE(BigInt(BASE + offset), 16);
  entry.writeBigUInt64LE(BigInt(size), 32);
  return entry;
}
