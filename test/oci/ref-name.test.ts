import { describe, expect, it } from 'vitest';

import { ArgumentError } from '../../src/oci/errors.js';
import { checkWrittenRefName, isRefName, parseRefName } from '../../src/oci/ref-name.js';

const digest = `sha256:${'ab'.repeat(32)}`;

describe('the name of an image in a layout', () => {
  it.each([
    '1.2',
    '1.2+b5',
    'docker.io/library/app:1.2',
    'localhost:5000/team/app:latest',
    'a@b',
    'x:y',
    'a--b',
    'A/B/c',
    'app@1',
    'a'.repeat(129),
    'sha256:abc',
  ])('%s is one, and can be written', (name) => {
    expect(isRefName(name)).toBe(true);
    expect(() => checkWrittenRefName(parseRefName(name))).not.toThrow();
  });

  it.each(['_x', 'v1__2', 'x-', 'a..b', 'a---b', '1.2.'])(
    '%s can only be read: it is a tag of registries',
    (name) => {
      expect(isRefName(name)).toBe(true);
      expect(() => checkWrittenRefName(parseRefName(name))).toThrow(ArgumentError);
    },
  );

  it.each(['', 'a b', '.x', '-x', '/x', 'x/', 'a//b', 'a:', ':a', '@a', 'é', 'a\n', digest, `app@${digest}`])(
    '%j is none',
    (name) => {
      expect(isRefName(name)).toBe(false);
      expect(() => parseRefName(name)).toThrow(ArgumentError);
    },
  );
});
