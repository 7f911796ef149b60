import { expect, it } from 'vitest';

import { counted } from '../../../src/cli/output/format.js';

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
