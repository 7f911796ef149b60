import { describe, expect, it } from 'vitest';

import { manifestOperation } from '../../../src/registry/operation.js';
import { rateLimitHint } from '../../../src/registry/errors/rate-limit.js';
import { parseReference, parseTag } from '../../../src/oci/reference.js';

const attempt = manifestOperation('read', parseReference('ubuntu'), parseTag('24.04'));
const NOW = Date.UTC(2026, 0, 5, 12, 0, 0);
const inSeconds = (seconds: number): string => String(NOW / 1000 + seconds);

describe('rateLimitHint', () => {
  it.each<[string, Record<string, string>, string]>([
    ['nothing is said', {}, 'later'],
    ['seconds are given', { 'retry-after': '45' }, 'in 45 s'],
    ['many seconds are given', { 'retry-after': ' 19800 ' }, 'in 5 h 30 min'],
    ['a date is given', { 'retry-after': new Date(NOW + 3 * 3600_000).toUTCString() }, 'in 3 h'],
    ['the date is over', { 'retry-after': new Date(NOW - 1000).toUTCString() }, 'later'],
    ['no time is asked for', { 'retry-after': '0' }, 'later'],
    ['it is neither', { 'retry-after': '-5' }, 'later'],
    ["Docker Hub's time is given", { 'x-ratelimit-reset': inSeconds(1800) }, 'in 30 min'],
    ["Docker Hub's other time is given", { 'x-retry-after': inSeconds(121) }, 'in 3 min'],
    [
      "the registry's clock is another one",
      { 'x-ratelimit-reset': inSeconds(1800), date: new Date(NOW + 1200_000).toUTCString() },
      'in 10 min',
    ],
    ['it is no number', { 'x-ratelimit-reset': 'soon' }, 'later'],
  ])('says when to try again: %s', (_what, headers, when) => {
    expect(rateLimitHint({ headers }, attempt, NOW)).toBe(
      `Try again ${when}; a login (multiarch login docker.io) may have a higher limit.`,
    );
  });

  it('has the limit', () => {
    const headers = { 'ratelimit-limit': '100;w=21600', 'ratelimit-remaining': '0;w=21600' };
    expect(rateLimitHint({ headers }, attempt, NOW)).toMatch(/ The limit is 100 requests in 6 h\.$/);
  });
});
