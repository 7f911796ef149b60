const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** Formats a number of bytes in powers of 1000: `0 B`, `999 B`, `1.2 kB`, `31 MB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  // From 999.5 on, rounding would give 1000.
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 9.95 ? 0 : 1;
  return `${value.toFixed(digits)} ${UNITS[unit] ?? ''}`;
}

/** Formats a count with its noun: `1 blob`, `2 blobs`, `0 retries`. */
export function counted(count: number, noun: string): string {
  if (count === 1) return `1 ${noun}`;
  return `${count} ${noun.endsWith('y') ? `${noun.slice(0, -1)}ies` : `${noun}s`}`;
}

/** In seconds: a longer estimate is not shown. */
const MAX_TIME_LEFT = 100 * 3600;

/** Formats an estimate of the remaining time: `1 s`, `59 s`, `2 min 5 s`, `1 h 10 min`. `undefined` if it is too long. */
export function formatTimeLeft(seconds: number): string | undefined {
  const whole = Math.ceil(seconds);
  if (!(whole < MAX_TIME_LEFT)) return undefined;
  if (whole < 60) return `${whole} s`;
  const [large, small, units] =
    whole < 3600
      ? [Math.floor(whole / 60), whole % 60, ['min', 's']]
      : [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), ['h', 'min']];
  return small === 0 ? `${large} ${units[0]}` : `${large} ${units[0]} ${small} ${units[1]}`;
}

/** In seconds, the largest first. A month and a year are those of the calendar on average. */
const AGES = [
  ['year', 31_556_952],
  ['month', 2_629_746],
  ['week', 604_800],
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
] as const;

/** Formats the time that has passed, in its largest unit of which at least two have: `3 days`, `14 months`. */
export function formatAge(time: number, now: number): string {
  const seconds = Math.floor((now - time) / 1000);
  // By the clock of another machine.
  if (seconds < 0) return formatTime(time);
  const [unit, size] = AGES.find(([, each]) => seconds >= 2 * each) ?? ['second', 1];
  return counted(Math.floor(seconds / size), unit);
}

/** Formats a time by RFC 3339 in UTC, without fractions of seconds: `2026-11-30T08:15:00Z`. */
export function formatTime(time: number): string {
  return `${new Date(time).toISOString().slice(0, 19)}Z`;
}
