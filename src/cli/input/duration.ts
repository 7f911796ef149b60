import { ArgumentError } from '../../oci/errors.js';

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const PART = /(\d+(?:\.\d+)?)(ms|s|m|h)/gy;

/**
 * Parses a duration in Go's notation: `90s`, `10m`, `1h30m`, `500ms`. A bare number is in seconds.
 * @returns milliseconds
 * @throws ArgumentError
 */
export function parseDuration(text: string): number {
  const isNumber = /^\d+(?:\.\d+)?$/.test(text);
  const parts = [...(isNumber ? `${text}s` : text).matchAll(PART)];
  const isComplete = isNumber || parts.map(([part]) => part).join('') === text;
  const milliseconds = Math.round(
    parts.reduce((total, [, number, unit = '']) => total + Number(number) * (UNITS[unit] ?? 0), 0),
  );
  if (parts.length > 0 && isComplete && Number.isSafeInteger(milliseconds)) return milliseconds;
  throw new ArgumentError(`invalid duration ${JSON.stringify(text)}`, {
    hint: 'Write it as 90s, 10m or 1h30m.',
  });
}
