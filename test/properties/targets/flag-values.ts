import assert from 'node:assert/strict';

import * as fc from 'fast-check';

import { parseDuration } from '../../../src/cli/input/duration.js';
import { parseSize } from '../../../src/cli/input/size.js';
import { ArgumentError } from '../../../src/oci/errors.js';
import { orError, property, textOf, type Target } from '../property.js';

const MILLISECONDS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;
const unit = fc.constantFrom('ms' as const, 's' as const, 'm' as const, 'h' as const);

export const duration: Target = {
  name: 'duration',
  properties: [
    property(
      'the parts of a duration are added up',
      [fc.array(fc.tuple(fc.nat({ max: 100_000 }), unit), { minLength: 1, maxLength: 5 })],
      (parts) => {
        const text = parts.map((part) => part.join('')).join('');
        const total = parts.reduce((sum, [number, name]) => sum + number * MILLISECONDS[name], 0);
        assert.equal(parseDuration(text), total);
      },
    ),
    property('a number alone is in seconds', [fc.nat(), fc.nat({ max: 999 })], (whole, thousandths) => {
      const text = `${whole}.${String(thousandths).padStart(3, '0')}`;
      assert.equal(parseDuration(text), whole * 1000 + thousandths);
    }),
    property(
      'any text is a finite number of milliseconds, or rejected, as the grammar says',
      [textOf(['1', '0', '9', '.', 'ms', 's', 'm', 'h', '-', '+', ' ', 'd', '9'.repeat(400)], 8)],
      (text) => {
        const milliseconds = orError(ArgumentError, () => parseDuration(text));
        const isValid = /^(?:\d+(?:\.\d+)?|(?:\d+(?:\.\d+)?(?:ms|[smh]))+)$/.test(text);
        if (milliseconds instanceof ArgumentError) {
          assert(!isValid || text.length > 15, text);
          return 'rejected';
        }
        assert(isValid, text);
        assert(Number.isSafeInteger(milliseconds) && milliseconds >= 0, String(milliseconds));
        return 'read';
      },
      { batch: 500, reaches: ['read', 'rejected'] },
    ),
  ],
};

const BYTES = {
  '': 1,
  b: 1,
  k: 1024,
  kb: 1000,
  KiB: 1024,
  m: 1024 ** 2,
  MB: 1e6,
  MiB: 1024 ** 2,
  G: 1024 ** 3,
};

export const size: Target = {
  name: 'size',
  properties: [
    property(
      'a number is multiplied by its unit, in any case',
      [
        fc.integer({ min: 1, max: 1_000_000 }),
        fc.constantFrom(...Object.entries(BYTES)),
        fc.boolean(),
        fc.constantFrom('', ' '),
      ],
      (number, [name, factor], isUpper, space) => {
        const text = `${number}${space}${isUpper ? name.toUpperCase() : name}`;
        assert.equal(parseSize('--chunk-size', text), number * factor);
      },
    ),
    property(
      'any text is a positive whole number of bytes, or rejected with the name of the flag',
      [textOf(['1', '0', '9', '.', '5', 'k', 'i', 'b', 'MB', 'GiB', ' ', '-', '+', 'e', '9'.repeat(20)], 8)],
      (text) => {
        const bytes = orError(ArgumentError, () => parseSize('--chunk-size', text));
        if (bytes instanceof ArgumentError) {
          assert(bytes.message.includes('--chunk-size') && bytes.hint !== undefined);
          return 'rejected';
        }
        assert.match(text, /^\d+(\.\d+)?\s*([kmg]?i?b?)$/i);
        assert(Number.isSafeInteger(bytes) && bytes > 0);
        return 'read';
      },
      { batch: 500, reaches: ['read', 'rejected'] },
    ),
  ],
};
