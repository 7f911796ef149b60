/** Content as one zstd frame of raw blocks (RFC 8878, section 3.1.1): not every supported Node.js can compress with zstd. */
export function zstdOf(content: Uint8Array): Buffer {
  const header = Buffer.alloc(9);
  header.writeUInt32LE(0xfd2fb528, 0);
  // A single segment, with its size in four bytes.
  header.writeUInt8(0b1010_0000, 4);
  header.writeUInt32LE(content.length, 5);
  const parts: Uint8Array[] = [header];
  for (let start = 0; start === 0 || start < content.length; start += 65_536) {
    const block = content.subarray(start, start + 65_536);
    const isLast = start + 65_536 >= content.length;
    const blockHeader = Buffer.alloc(3);
    blockHeader.writeUIntLE((block.length << 3) | Number(isLast), 0, 3);
    parts.push(blockHeader, block);
  }
  return Buffer.concat(parts);
}
