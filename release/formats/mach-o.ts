/** The commands of a Mach-O file that are read or written here (`mach-o/loader.h` of Apple's cctools). */
export const LC = {
  symtab: 0x2,
  dysymtab: 0xb,
  segment64: 0x19,
  codeSignature: 0x1d,
} as const;

const MAGIC = 0xfeedfacf; // 64 bits, little-endian
const HEADER_SIZE = 32;
const NLIST_SIZE = 16;
/** The largest page of the processors, to which sizes in memory are rounded. */
const PAGE = 16384;
/** The lowest bit that marks an entry of the indirect symbols that is no index, `INDIRECT_SYMBOL_ABS`. */
const NOT_AN_INDEX = 0x40000000;

export interface MachOCommand {
  readonly type: number;
  /** Its position in the file. */
  readonly at: number;
  readonly size: number;
}

/** Reports whether a file is a Mach-O file of 64 bits for one processor. */
export function isMachO(file: Buffer): boolean {
  return file.length >= HEADER_SIZE && file.readUInt32LE(0) === MAGIC;
}

/** Returns the load commands of a Mach-O file in their order. */
export function machOCommands(file: Buffer): readonly MachOCommand[] {
  const commands: MachOCommand[] = [];
  let at = HEADER_SIZE;
  for (let left = file.readUInt32LE(16); left > 0; left -= 1) {
    const size = file.readUInt32LE(at + 4);
    commands.push({ type: file.readUInt32LE(at), at, size });
    at += size;
  }
  return commands;
}

/** Returns the only command of a type. @throws Error if it is missing */
export function machOCommand(file: Buffer, type: number): MachOCommand {
  const command = machOCommands(file).find((each) => each.type === type);
  if (command === undefined) throw new Error(`the Mach-O file has no load command ${type}`);
  return command;
}

/** Returns the command of a segment. @throws Error if it is missing */
export function machOSegment(file: Buffer, name: string): MachOCommand {
  const segment = machOCommands(file).find(
    ({ type, at }) => type === LC.segment64 && fixedText(file, at + 8) === name,
  );
  if (segment === undefined) throw new Error(`the Mach-O file has no segment ${name}`);
  return segment;
}

/** Sets the size of `__LINKEDIT`, the last segment of a file. */
export function setLinkEditSize(file: Buffer, size: number): void {
  const { at } = machOSegment(file, '__LINKEDIT');
  file.writeBigUInt64LE(BigInt(Math.ceil(size / PAGE) * PAGE), at + 32);
  file.writeBigUInt64LE(BigInt(size), at + 48);
}

/** Adds a load command after the others. @throws Error if the file has no room for it before its first section */
export function addMachOCommand(file: Buffer, command: Buffer): void {
  const size = file.readUInt32LE(20);
  const end = HEADER_SIZE + size;
  if (file.subarray(end, end + command.length).some((byte) => byte !== 0)) {
    throw new Error('the Mach-O file has no room for another load command');
  }
  command.copy(file, end);
  file.writeUInt32LE(file.readUInt32LE(16) + 1, 16);
  file.writeUInt32LE(size + command.length, 20);
}

/**
 * Removes the local symbols and the signature of a Mach-O executable, as `strip -x` does. Unlike it, the bytes do not depend
 * on the tools of the machine.
 *
 * @throws Error if the symbols are not the end of the file, as linkers write them
 */
export function stripMachO(file: Buffer): Buffer {
  const { at: symtab } = machOCommand(file, LC.symtab);
  const { at: dysymtab } = machOCommand(file, LC.dysymtab);
  const [symbols, count] = [file.readUInt32LE(symtab + 8), file.readUInt32LE(symtab + 12)];
  const strings = file.readUInt32LE(symtab + 16);
  const [locals, indirect, indirectCount] = [12, 56, 60].map((offset) =>
    file.readUInt32LE(dysymtab + offset),
  ) as [number, number, number];
  if (!(symbols <= indirect && indirect <= strings) || file.readUInt32LE(dysymtab + 8) !== 0) {
    throw new Error('the symbols of the Mach-O file are in an unknown order');
  }
  const kept = Buffer.from(file.subarray(symbols + locals * NLIST_SIZE, symbols + count * NLIST_SIZE));
  const names: Buffer[] = [Buffer.from(' \0')];
  let length = 2;
  for (let at = 0; at < kept.length; at += NLIST_SIZE) {
    const start = strings + kept.readUInt32LE(at);
    const name = file.subarray(start, file.indexOf(0, start) + 1);
    kept.writeUInt32LE(length, at);
    names.push(name);
    length += name.length;
  }
  const table = Buffer.from(file.subarray(indirect, indirect + indirectCount * 4));
  for (let at = 0; at < table.length; at += 4) {
    const index = table.readUInt32LE(at);
    if (index < NOT_AN_INDEX && index >= locals) table.writeUInt32LE(index - locals, at);
  }
  const padding = Buffer.alloc(-length & 7);
  const stripped = Buffer.concat([file.subarray(0, symbols), kept, table, ...names, padding]);
  const newIndirect = symbols + kept.length;
  const newStrings = newIndirect + table.length;
  stripped.writeUInt32LE(count - locals, symtab + 12);
  stripped.writeUInt32LE(newStrings, symtab + 16);
  stripped.writeUInt32LE(length + padding.length, symtab + 20);
  // No local symbols; the first defined symbol, and the first undefined one.
  stripped.writeUInt32LE(0, dysymtab + 12);
  stripped.writeUInt32LE(0, dysymtab + 16);
  stripped.writeUInt32LE(file.readUInt32LE(dysymtab + 24) - locals, dysymtab + 24);
  stripped.writeUInt32LE(newIndirect, dysymtab + 56);
  removeSignature(stripped);
  const { at } = machOSegment(stripped, '__LINKEDIT');
  setLinkEditSize(stripped, stripped.length - Number(stripped.readBigUInt64LE(at + 40)));
  return stripped;
}

/** Removes the command of the signature, whose bytes are the end of the file. */
function removeSignature(file: Buffer): void {
  const signature = machOCommands(file).find(({ type }) => type === LC.codeSignature);
  if (signature === undefined) return;
  const end = HEADER_SIZE + file.readUInt32LE(20);
  file.copyWithin(signature.at, signature.at + signature.size, end);
  file.fill(0, end - signature.size, end);
  file.writeUInt32LE(file.readUInt32LE(16) - 1, 16);
  file.writeUInt32LE(file.readUInt32LE(20) - signature.size, 20);
}

function fixedText(file: Buffer, at: number): string {
  return file.toString('latin1', at, at + 16).replace(/\0.*$/su, '');
}
