import { describe, expect, it } from 'vitest';

import { parseDuration } from '../../../src/cli/input/duration.js';
import { ArgumentError } from '../../../src/oci/errors.js';

describe('parseDuration', () => {
  it.each([
    ['90s', 90_000],
    ['10m', 600_000],
    ['1h30m', 5_400_000],
    ['500ms', 500],
    ['1m500ms', 60_500],
    ['1.5h', 5_400_000],
    ['0.25s', 250],
    ['1h0m0s', 3_600_000],
    ['30', 30_000],
    ['1.5', 1500],
    ['0', 0],
    ['0s', 0],
    ['010s', 10_000],
  ])('parses %s', (text, milliseconds) => {
    expect(parseDuration(text)).toBe(milliseconds);
  });

  it.each([
    '',
    ' ',
    's',
    '5x',
    '5d',
    '-5s',
    '+5s',
    '5 s',
    '5s ',
    '1h 30m',
    '5S',
    '1.s',
    '.5s',
    '1e3',
    '0x10',
    '5s3',
    'NaN',
    '∞',
    '5s\n',
  ])('rejects %j', (text) => {
    expect(() => parseDuration(text)).toThrow(ArgumentError);
    expect(() => parseDuration(text)).toThrow(`invalid duration ${JSON.stringify(text)}`);
  });

  it.each(['9'.repeat(400), `${'9'.repeat(400)}h`, '9007199254740992ms', '1h9007199254740s'])(
    'rejects a number that is not exact in milliseconds: %s',
    (text) => {
      expect(() => parseDuration(text)).toThrow(ArgumentError);
    },
  );

  it('rejects a long text quickly', () => {
    expect(() => parseDuration(`${'1'.repeat(100_000)}x`)).toThrow(ArgumentError);
    expect(() => parseDuration(`${'1h'.repeat(50_000)}x`)).toThrow(ArgumentError);
  });
});
