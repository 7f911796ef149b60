import { expect, it } from 'vitest';

import { formatTimeLeft } from '../../../src/cli/output/format.js';

it.each([
  [0.01, '1 s'],
  [1, '1 s'],
  [1.2, '2 s'],
  [59, '59 s'],
  [59.1, '1 min'],
  [60, '1 min'],
  [61, '1 min 1 s'],
  [125, '2 min 5 s'],
  [3599.5, '1 h'],
  [3660, '1 h 1 min'],
  [4200, '1 h 10 min'],
  [7199, '1 h 59 min'],
  [359_999, '99 h 59 min'],
  [360_000, undefined],
  [Infinity, undefined],
  [NaN, undefined],
])('%d s: %s', (seconds, text) => {
  expect(formatTimeLeft(seconds)).toBe(text);
});
