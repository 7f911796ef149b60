/** The processors that release files are built for, as image platforms name them. */
export type Architecture = 'amd64' | 'arm64';

/** What a program or a shared library requires (System V ABI, "Dynamic Linking"). */
export interface DynamicNeeds {
  /** The names of shared libraries, such as `libc.so.6`. */
  readonly libraries: readonly string[];
  /** The symbol versions by library, such as `GLIBC_2.28` of `libc.so.6`. */
  readonly versions: ReadonlyMap<string, readonly string[]>;
}

const MAGIC = Buffer.from('\u007fELF\u0002\u0001', 'latin1'); // 64 bits, little-endian
const MACHINES: ReadonlyMap<number, Architecture> = new Map([
  [62, 'amd64'],
  [183, 'arm64'],
]);

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const DT_NEEDED = 1;
const DT_STRTAB = 5;
const DT_VERNEED = 0x6ffffffe;
const DT_VERNEEDNUM = 0x6fffffff;

/** Returns the processor of an ELF file. @throws Error if the bytes are not an ELF file for one of {@link Architecture} */
export function architectureOf(file: Buffer): Architecture {
  const machine = file.length < 64 || !file.subarray(0, 6).equals(MAGIC) ? -1 : file.readUInt16LE(18);
  const architecture = MACHINES.get(machine);
  if (architecture === undefined) throw new Error('it is not an ELF executable for amd64 or arm64');
  return architecture;
}

/** Returns what an ELF file requires of the dynamic linker; nothing for a static program. @throws as {@link architectureOf} */
export function dynamicNeeds(file: Buffer): DynamicNeeds {
  architectureOf(file);
  const segments = segmentsOf(file);
  const dynamic = segments.find(({ type }) => type === PT_DYNAMIC);
  const entries = dynamic === undefined ? [] : dynamicEntries(file, dynamic);
  const valueOf = (tag: number): number => entries.find((entry) => entry.tag === tag)?.value ?? 0;
  /** The position in the file of a virtual address. */
  const locate = (address: number): number => {
    const segment = segments.find(
      ({ type, start, size }) => type === PT_LOAD && address >= start && address < start + size,
    );
    if (segment === undefined) throw new Error(`it is damaged: address ${address} is in no segment`);
    return address - segment.start + segment.offset;
  };
  const strings = valueOf(DT_STRTAB);
  const text = (offset: number): string => {
    const start = locate(strings + offset);
    return file.toString('latin1', start, file.indexOf(0, start));
  };
  const versions = new Map<string, string[]>();
  const count = valueOf(DT_VERNEEDNUM);
  let at = count === 0 ? 0 : locate(valueOf(DT_VERNEED));
  for (let index = 0; index < count; index += 1) {
    const names: string[] = [];
    let version = at + file.readUInt32LE(at + 8);
    for (let left = file.readUInt16LE(at + 2); left > 0; left -= 1) {
      names.push(text(file.readUInt32LE(version + 8)));
      version += file.readUInt32LE(version + 12);
    }
    versions.set(text(file.readUInt32LE(at + 4)), names);
    at += file.readUInt32LE(at + 12);
  }
  const libraries = entries.flatMap(({ tag, value }) => (tag === DT_NEEDED ? [text(value)] : []));
  return { libraries, versions };
}

interface Segment {
  readonly type: number;
  readonly offset: number;
  /** The virtual address. */
  readonly start: number;
  /** In the file, in bytes. */
  readonly size: number;
}

function segmentsOf(file: Buffer): Segment[] {
  const table = Number(file.readBigUInt64LE(32));
  const entrySize = file.readUInt16LE(54);
  return Array.from({ length: file.readUInt16LE(56) }, (_, index) => {
    const at = table + index * entrySize;
    return {
      type: file.readUInt32LE(at),
      offset: Number(file.readBigUInt64LE(at + 8)),
      start: Number(file.readBigUInt64LE(at + 16)),
      size: Number(file.readBigUInt64LE(at + 32)),
    };
  });
}

function dynamicEntries(file: Buffer, { offset, size }: Segment): { tag: number; value: number }[] {
  return Array.from({ length: size / 16 }, (_, index) => ({
    tag: Number(file.readBigUInt64LE(offset + index * 16)),
    value: Number(file.readBigUInt64LE(offset + index * 16 + 8)),
  }));
}
