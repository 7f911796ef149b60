import { expect, it } from 'vitest';

import { parseSize } from '../../../src/cli/input/size.js';

it.each([
  ['1', 1],
  ['8388608', 8 << 20],
  ['512B', 512],
  ['8k', 8 << 10],
  ['8KiB', 8 << 10],
  ['8kB', 8_000],
  ['1m', 1 << 20],
  ['8MiB', 8 << 20],
  ['100MB', 100_000_000],
  ['100 mb', 100_000_000],
  ['1.5G', 1.5 * (1 << 30)],
  ['1gb', 1_000_000_000],
])('%s is %i bytes', (text, bytes) => {
  expect(parseSize('--size', text)).toBe(bytes);
});

it.each(['', '0', '0MB', '0.4', '-1', '1e6', 'MB', '8 M B', '8TB', '8M,', '0x10', ' 8', '999999999999999GB'])(
  'rejects %j',
  (text) => {
    expect(() => parseSize('--size', text)).toThrow(`--size takes a size, not ${JSON.stringify(text)}`);
  },
);
