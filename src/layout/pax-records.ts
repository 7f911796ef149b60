const SPACE = 0x20;
const EQUALS = 0x3d;
const NEW_LINE = 0x0a;
/** Digits of a record's length: more cannot be meant. */
const LONGEST_LENGTH = 10;

/**
 * The records of a pax extended header (POSIX.1-2017, pax, "pax Extended Header"): `"%d %s=%s\n"`, the length, which
 * counts itself, the keyword and the value. A keyword that is there twice has the last value.
 *
 * `Pax` of the tar package is not used: it goes by lines, and so drops a value with a line end or a byte that is no
 * UTF-8 without a word, takes what is inside of a value for a record, and does not notice damage.
 *
 * @returns `undefined` where the bytes are no such records
 */
export function parsePaxRecords(bytes: Buffer): ReadonlyMap<string, string> | undefined {
  const records = new Map<string, string>();
  let start = 0;
  while (start < bytes.length) {
    const space = bytes.indexOf(SPACE, start);
    if (space === -1 || space - start > LONGEST_LENGTH) return undefined;
    const digits = bytes.toString('latin1', start, space);
    if (!/^[1-9]\d*$/.test(digits)) return undefined;
    const end = start + Number(digits);
    const equals = bytes.indexOf(EQUALS, space);
    if (end > bytes.length || bytes[end - 1] !== NEW_LINE) return undefined;
    if (equals <= space + 1 || equals >= end - 1) return undefined;
    records.set(bytes.toString('utf8', space + 1, equals), bytes.toString('utf8', equals + 1, end - 1));
    start = end;
  }
  return records;
}
