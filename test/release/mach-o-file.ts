/** The name of the only local symbol of {@link machOFile}. */
export const LOCAL_SYMBOL = '_local_symbol';

/** Bytes of a number of 32 bits each. */
function numbers(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) bytes.writeUInt32LE(value, index * 4);
  return bytes;
}

function segment(name: string, offset: number, size: number): Buffer {
  const bytes = Buffer.concat([numbers(0x19, 72), Buffer.alloc(64)]);
  bytes.write(name, 8, 'latin1');
  bytes.writeBigUInt64LE(BigInt(offset + 0x10000), 24);
  bytes.writeBigUInt64LE(BigInt(size), 32);
  bytes.writeBigUInt64LE(BigInt(offset), 40);
  bytes.writeBigUInt64LE(BigInt(size), 48);
  return bytes;
}

/**
 * Returns a Mach-O file of two pages of code, one local, one exported and one undefined symbol, two indirect symbols, and a
 * signature of 32 bytes.
 */
export function machOFile(): Buffer {
  const symbols = 8192;
  const entries = [LOCAL_SYMBOL, '_main', '_printf'].reduce<{ text: string; table: Buffer[] }>(
    ({ text, table }, name) => ({
      text: `${text}${name}\0`,
      table: [...table, Buffer.concat([numbers(text.length, 0x0f), Buffer.alloc(8)])],
    }),
    { text: ' \0', table: [] },
  );
  const indirect = symbols + 3 * 16;
  const strings = indirect + 2 * 4;
  const signature = strings + Math.ceil(entries.text.length / 16) * 16;
  const commands = Buffer.concat([
    segment('__TEXT', 0, symbols),
    segment('__LINKEDIT', symbols, signature + 32 - symbols),
    numbers(0x2, 24, symbols, 3, strings, entries.text.length),
    numbers(0xb, 80, 0, 1, 1, 1, 2, 1, ...Array.from({ length: 6 }, () => 0), indirect, 2, 0, 0, 0, 0),
    numbers(0x1d, 16, signature, 32),
  ]);
  const header = numbers(0xfeedfacf, 0x0100000c, 0, 2, 5, commands.length, 0, 0);
  const file = Buffer.alloc(signature + 32);
  Buffer.concat([header, commands]).copy(file);
  file.fill('code', 1024, symbols);
  // The undefined symbol, and one that is local.
  Buffer.concat([...entries.table, numbers(2, 0x80000000), Buffer.from(entries.text)]).copy(file, symbols);
  file.fill('signature', signature);
  return file;
}
