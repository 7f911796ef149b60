import { crc32 } from 'node:zlib';

const BLOCK = 512;

/**
 * A ustar archive (POSIX.1-1988) with one executable file, owned by root and dated 1970.
 *
 * @param {string} name The file's path, without a leading slash; at most 100 ASCII characters.
 * @param {Uint8Array} content
 * @returns {Uint8Array}
 */
export function tarOf(name, content) {
  const padded = Math.ceil(content.length / BLOCK) * BLOCK;
  const archive = new Uint8Array(BLOCK + padded + 2 * BLOCK);
  const encoder = new TextEncoder();
  /** @type {(text: string, offset: number) => void} */
  const put = (text, offset) => {
    archive.set(encoder.encode(text), offset);
  };
  put(name, 0);
  put(octal(0o755, 7), 100);
  put(octal(0, 7), 108); // user
  put(octal(0, 7), 116); // group
  put(octal(content.length, 11), 124);
  put(octal(0, 11), 136); // modification time
  put(' '.repeat(8), 148); // the checksum counts its own field as spaces
  put('0', 156); // a regular file
  put('ustar', 257);
  put('00', 263); // version
  const sum = archive.subarray(0, BLOCK).reduce((total, byte) => total + byte, 0);
  put(`${octal(sum, 6)}\0 `, 148);
  archive.set(content, BLOCK);
  return archive;
}

/**
 * A gzip file (RFC 1952) of stored blocks, without time, name or operating system. Not zlib's own: what a compressor
 * writes depends on its version and on the processor, and these bytes must have the same digest everywhere.
 *
 * @param {Uint8Array} content
 * @returns {Uint8Array}
 */
export function gzipOf(content) {
  const longest = 0xffff;
  const header = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
  const blocks = [];
  for (let start = 0; start === 0 || start < content.length; start += longest) {
    const chunk = content.subarray(start, start + longest);
    const last = start + longest >= content.length;
    const head = Buffer.alloc(5);
    head.writeUInt8(last ? 1 : 0, 0);
    head.writeUInt16LE(chunk.length, 1);
    head.writeUInt16LE(~chunk.length & longest, 3);
    blocks.push(head, chunk);
  }
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc32(content), 0);
  trailer.writeUInt32LE(content.length, 4);
  return Uint8Array.from(Buffer.concat([Buffer.from(header), ...blocks, trailer]));
}

/**
 * @param {number} value
 * @param {number} digits
 */
function octal(value, digits) {
  return value.toString(8).padStart(digits, '0');
}
