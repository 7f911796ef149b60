import { describe, expect, it } from 'vitest';

import { sortTags } from '../../src/oci/tag-order.js';

describe('sortTags', () => {
  it.each([
    { order: 'none', given: 'b 10 a 9 latest', sorted: 'b 10 a 9 latest' },
    { order: 'name', given: 'b 10 a 9 B latest', sorted: '10 9 B a b latest' },
    { order: 'semver', given: '9 10 latest 2', sorted: '10 9 2 latest' },
    { order: 'semver', given: '1.9.0 1.10.0 1.2.0', sorted: '1.10.0 1.9.0 1.2.0' },
    { order: 'semver', given: 'v1.0.0 2.0.0 v3.0.0', sorted: 'v3.0.0 2.0.0 v1.0.0' },
    { order: 'semver', given: '1 1.2 1.2.0 1.3', sorted: '1.3 1.2.0 1.2 1' },
    {
      order: 'semver',
      given:
        '1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0',
      sorted:
        '1.0.0 1.0.0-rc.1 1.0.0-beta.11 1.0.0-beta.2 1.0.0-beta 1.0.0-alpha.beta 1.0.0-alpha.1 1.0.0-alpha',
    },
    {
      order: 'semver',
      given: 'edge 1.2-alpine 1.2 sha256-0 main',
      sorted: '1.2 1.2-alpine edge sha256-0 main',
    },
    { order: 'semver', given: '1.2+b5 1.3+b1', sorted: '1.3+b1 1.2+b5' },
    { order: 'semver', given: '1.2.3.4 20240101 1.2.', sorted: '20240101 1.2.3.4 1.2.' },
    { order: 'semver', given: '', sorted: '' },
  ] as const)('$order: $given', ({ order, given, sorted }) => {
    const tags = given.split(' ').filter((tag) => tag !== '');
    expect(sortTags(tags, order).join(' ')).toBe(sorted);
  });
});
