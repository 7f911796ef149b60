const BLOCK = 512;

/** One header of a tar file with its content, as it is to be, right or wrong. */
export interface TarPart {
  readonly name: string;
  /** The type flag. Default: `0`, a file. */
  readonly type?: string;
  readonly content?: string | Uint8Array;
  /** What the header says of the content's size, where that is something else. */
  readonly size?: number | string;
  /** Where a link leads. */
  readonly target?: string;
  /** What stands before the name in a ustar header. */
  readonly prefix?: string;
  /** Default: that of ustar. Empty for a header of Unix version 7. */
  readonly magic?: string;
}

/** A tar file with its end. */
export function tarFile(parts: readonly TarPart[]): Buffer {
  return Buffer.concat([tarParts(parts), Buffer.alloc(2 * BLOCK)]);
}

/** A tar file without its end. */
export function tarParts(parts: readonly TarPart[]): Buffer {
  return Buffer.concat(
    parts.flatMap((part) => {
      const content = Buffer.from(part.content ?? '');
      const padding = (BLOCK - (content.length % BLOCK)) % BLOCK;
      return [tarHeader({ ...part, size: part.size ?? content.length }), content, Buffer.alloc(padding)];
    }),
  );
}

/** One header, with the right checksum. */
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
    block.writeUInt8(0x80, 124); // base 256, as GNU tar has it
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

/** Puts the checksum into a header that has been changed. */
export function withChecksum(block: Buffer): Buffer {
  block.write(' '.repeat(8), 148);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

/** A pax extended header: `x` for the next entry, `g` for all that follow. */
export function paxHeader(records: Readonly<Record<string, string>>, type: 'g' | 'x' = 'x'): TarPart {
  const content = Object.entries(records).map(([keyword, value]) => paxRecord(keyword, value));
  return { name: 'PaxHeaders/x', type, content: content.join('') };
}

/** A name (`L`) or link target (`K`) as GNU tar writes one that is too long for a header. */
export function gnuLong(type: 'L' | 'K', text: string): TarPart {
  return { name: '././@LongLink', type, content: `${text}\0`, magic: 'ustar  \0' };
}

function paxRecord(keyword: string, value: string): string {
  const rest = ` ${keyword}=${value}\n`;
  const size = Buffer.byteLength(rest);
  const digits = [1, 2, 3, 4, 5, 6, 7].find((count) => String(size + count).length === count) ?? 0;
  return `${size + digits}${rest}`;
}
