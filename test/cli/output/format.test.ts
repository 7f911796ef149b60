import { describe, expect, it } from 'vitest';

import { counted, formatBytes, formatTimeLeft } from '../../../src/cli/output/format.js';

describe('formatBytes', () => {
  it.each([
    [0, '0 B'],
    [1, '1 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [1049, '1.0 kB'],
    [1050, '1.1 kB'],
    [9949, '9.9 kB'],
    [9950, '10 kB'],
    [10_000, '10 kB'],
    [31_457_280, '31 MB'],
    [999_499, '999 kB'],
    [999_500, '1.0 MB'],
    [5_000_000_000, '5.0 GB'],
    [1_200_000_000_000, '1.2 TB'],
    [12_345_000_000_000_000, '12345 TB'],
  ])('%i bytes are %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});

describe('counted', () => {
  it.each([
    [0, 'blob', '0 blobs'],
    [1, 'blob', '1 blob'],
    [2, 'blob', '2 blobs'],
    [1, 'entry', '1 entry'],
    [0, 'entry', '0 entries'],
    [12, 'retry', '12 retries'],
  ])('%i %s: %s', (count, noun, text) => {
    expect(counted(count, noun)).toBe(text);
  });
});

describe('formatTimeLeft', () => {
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
});
