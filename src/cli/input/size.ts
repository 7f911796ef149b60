import { ArgumentError } from '../../oci/errors.js';

/** In bytes, by unit in lower case. A unit without `B` is binary, as in docker and nginx. */
const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 1 << 10,
  kib: 1 << 10,
  kb: 1_000,
  m: 1 << 20,
  mib: 1 << 20,
  mb: 1_000_000,
  g: 1 << 30,
  gib: 1 << 30,
  gb: 1_000_000_000,
};

/**
 * Parses a size of at least one byte: `8388608`, `8MiB`, `8m`, `100MB`, `1.5GiB`.
 * @param flag the flag that has the value, for the message
 * @returns bytes
 * @throws ArgumentError
 */
export function parseSize(flag: string, text: string): number {
  const [, number = '', unit = ''] = /^(\d{1,15}(?:\.\d+)?)\s*([a-z]*)$/i.exec(text) ?? [];
  const bytes = Math.floor(Number(number) * (UNITS[unit.toLowerCase()] ?? Number.NaN));
  if (number !== '' && Number.isSafeInteger(bytes) && bytes > 0) return bytes;
  throw new ArgumentError(`${flag} takes a size, not ${JSON.stringify(text)}`, {
    hint: 'Write it as 8MiB, 100MB or a number of bytes.',
  });
}
