import { expect, it } from 'vitest';

import { formatBytes } from '../../../src/cli/output/format.js';

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
