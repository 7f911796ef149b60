/** More than that is no estimate, in seconds. */
const LONGEST = 100 * 3600;

/**
 * A time as a person reads it who waits for it to pass: `1 s`, `59 s`, `2 min 5 s`, `1 h 10 min`. `undefined` for one that is
 * too long to be told.
 */
export function formatTimeLeft(seconds: number): string | undefined {
  const whole = Math.ceil(seconds);
  if (!(whole < LONGEST)) return undefined;
  if (whole < 60) return `${whole} s`;
  const [large, small, units] =
    whole < 3600
      ? [Math.floor(whole / 60), whole % 60, ['min', 's']]
      : [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), ['h', 'min']];
  return small === 0 ? `${large} ${units[0]}` : `${large} ${units[0]} ${small} ${units[1]}`;
}
