import { gzipSync } from 'node:zlib';

/** A file of a zip file. */
export interface ZipEntry {
  readonly name: string;
  readonly content: Uint8Array;
}

/** The lengths of the header and of the trailer of a gzip stream without a name (RFC 1952, section 2.3). */
const [GZIP_HEADER, GZIP_TRAILER] = [10, 8];
const DEFLATED = 8;
/** 2.0: compressed by deflate. */
const VERSION_NEEDED = 20;

/**
 * Returns a zip file of small files (APPNOTE.TXT of PKWARE, section 4.3). Equal entries and times give equal bytes.
 * @param time of all files, in seconds since 1970
 */
export function zipFile(entries: readonly ZipEntry[], time: number): Buffer {
  const local: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const { name, content } of entries) {
    const compressed = gzipSync(content, { level: 9 });
    const data = compressed.subarray(GZIP_HEADER, -GZIP_TRAILER);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(VERSION_NEEDED, 0);
    common.writeUInt16LE(DEFLATED, 4);
    common.writeUInt32LE(dosTime(time), 6);
    // The CRC-32, as gzip has it too.
    compressed.copy(common, 10, compressed.length - GZIP_TRAILER, compressed.length - 4);
    common.writeUInt32LE(data.length, 14);
    common.writeUInt32LE(content.length, 18);
    common.writeUInt16LE(Buffer.byteLength(name), 22);
    const header = [Buffer.from('PK\u0003\u0004'), common, Buffer.from(name)];
    local.push(...header, data);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(offset, 10);
    central.push(
      Buffer.from('PK\u0001\u0002'),
      Buffer.from([VERSION_NEEDED, 0]),
      common,
      rest,
      Buffer.from(name),
    );
    offset += Buffer.concat(header).length + data.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(entries.length, 4);
  end.writeUInt16LE(entries.length, 6);
  end.writeUInt32LE(directory.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...local, directory, Buffer.from('PK\u0005\u0006'), end]);
}

/** Returns the date and time of MS-DOS, in UTC, which counts in steps of two seconds. */
function dosTime(time: number): number {
  const date = new Date(time * 1000);
  const day = ((date.getUTCFullYear() - 1980) << 9) | ((date.getUTCMonth() + 1) << 5) | date.getUTCDate();
  const clock = (date.getUTCHours() << 11) | (date.getUTCMinutes() << 5) | (date.getUTCSeconds() >> 1);
  return ((day << 16) | clock) >>> 0;
}
