const BLOCK = 512;

/** A header of a tar file with its content, valid or invalid. */
export interface TarPart {
  readonly name: string;
  /** The type flag. @default '0', a file */
  readonly type?: string;
  readonly content?: string | Uint8Array;
  /** The size in the header. @default the size of the content */
  readonly size?: number | string;
  /** The target of a link. */
  readonly target?: string;
  /** The prefix field of a ustar header. */
  readonly prefix?: string;
  /** The magic field, empty for a Unix v7 header. @default that of ustar */
  readonly magic?: string;
}

/** A tar file with its end-of-archive blocks. */
export function tarFile(parts: readonly TarPart[]): Buffer {
  return Buffer.concat([tarParts(parts), Buffer.alloc(2 * BLOCK)]);
}

/** A tar file without its end-of-archive blocks. */
export function tarParts(parts: readonly TarPart[]): Buffer {
  return Buffer.concat(
    parts.flatMap((part) => {
      const content = Buffer.from(part.content ?? '');
      const padding = (BLOCK - (content.length % BLOCK)) % BLOCK;
      return [tarHeader({ ...part, size: part.size ?? content.length }), content, Buffer.alloc(padding)];
    }),
  );
}

/** A header with a valid checksum. */
export function tarHeader(part: TarPart): Buffer {
  const { name, type = '0', size = 0, target = '', prefix = '', magic = 'ustar\u000000' } = part;
  const block = Buffer.alloc(BLOCK);
  block.write(name, 0, 100);
  block.write('0000644\0', 100);
  block.write('0000000\0', 108);
  block.write('0000000\0', 116);
  if (typeof size === 'string') {
    block.write(size, 124, 12);
  } else if (size >= 8 ** 11) {
    block.writeUInt8(0x80, 124); // base 256, as in GNU tar
    block.writeBigUInt64BE(BigInt(size), 128);
  } else {
    block.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
  }
  block.write('00000000000\0', 136);
  block.write(type, 156, 1);
  block.write(target, 157, 100);
  block.write(magic, 257, 8, 'latin1');
  block.write(prefix, 345, 155);
  return withChecksum(block);
}

/** Updates the checksum of a changed header. */
export function withChecksum(block: Buffer): Buffer {
  block.write(' '.repeat(8), 148);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

/** A pax extended header: `x` for the next entry, `g` for all later entries. */
export function paxHeader(records: Readonly<Record<string, string>>, type: 'g' | 'x' = 'x'): TarPart {
  const content = Object.entries(records).map(([keyword, value]) => paxRecord(keyword, value));
  return { name: 'PaxHeaders/x', type, content: content.join('') };
}

/** The GNU tar entry of a name (`L`) or link target (`K`) that is too long for a header. */
export function gnuLong(type: 'L' | 'K', text: string): TarPart {
  return { name: '././@LongLink', type, content: `${text}\0`, magic: 'ustar  \0' };
}

/** A record of a pax extended header. */
export function paxRecord(keyword: string, value: string): string {
  const rest = ` ${keyword}=${value}\n`;
  const size = Buffer.byteLength(rest);
  const digits = [1, 2, 3, 4, 5, 6, 7].find((count) => String(size + count).length === count) ?? 0;
  return `${size + digits}${rest}`;
}
