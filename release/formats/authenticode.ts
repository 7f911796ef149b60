const PE32_PLUS = 0x20b;
/** The position of the certificate table among the data directories (PE format, "Optional Header Data Directories"). */
const CERTIFICATES = 4;

/** Reports whether a file is a program for Windows. */
export function isPe(file: Buffer): boolean {
  return file.subarray(0, 2).equals(Buffer.from('MZ'));
}

/**
 * Removes the Authenticode signature of a program for Windows of 64 bits, which would not match after a change. The checksum
 * of the header is removed too; only drivers need it.
 */
export function removeAuthenticode(file: Buffer): Buffer {
  const header = file.readUInt32LE(0x3c) + 24;
  if (file.readUInt16LE(header) !== PE32_PLUS) throw new Error('the program for Windows is not of 64 bits');
  const entry = header + 112 + CERTIFICATES * 8;
  const [start, size] = [file.readUInt32LE(entry), file.readUInt32LE(entry + 4)];
  if (start === 0) return file;
  if (start + size !== file.length)
    throw new Error('the signature is not the end of the program for Windows');
  const unsigned = Buffer.from(file.subarray(0, start));
  unsigned.fill(0, entry, entry + 8);
  unsigned.writeUInt32LE(0, header + 64);
  return unsigned;
}
