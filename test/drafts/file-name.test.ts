import { describe, expect, it } from 'vitest';

import { draftFileName, draftTarget, isDraftFileName } from '../../src/drafts/file-name.js';

describe('draftFileName', () => {
  it.each([
    ['docker.io/library/app:1.2', 'docker.io%2flibrary%2fapp%3a1.2.json'],
    ['docker.io/library/app:V1', 'docker.io%2flibrary%2fapp%3a%561.json'],
    ['localhost:5000/a_b/c-d:x', 'localhost%3a5000%2fa_b%2fc-d%3ax.json'],
    ['[::1]:5000/app:1', '%5b%3a%3a1%5d%3a5000%2fapp%3a1.json'],
    ['oci:C:\\images:1', 'oci%3a%43%3a%5cimages%3a1.json'],
    ['oci:/srv/ä ~%*?:1', 'oci%3a%2fsrv%2f%c3%a4%20%7e%25%2a%3f%3a1.json'],
    ['con.io/app:1', '%63on.io%2fapp%3a1.json'],
    ['com1.example/app:1', '%63om1.example%2fapp%3a1.json'],
    ['console.io/app:1', 'console.io%2fapp%3a1.json'],
  ])('of %s is %s', (target, name) => {
    expect(draftFileName(target)).toBe(name);
    expect(draftTarget(name)).toBe(target);
    expect(isDraftFileName(name)).toBe(true);
  });

  it('is cut if it is too long, and ends with a hash', () => {
    const target = `example.com/${'a/'.repeat(100)}app:1`;
    expect(draftFileName(target)).toMatch(/^example\.com%2fa%2fa.{101}~[0-9a-f]{64}\.json$/);
    expect(draftTarget(draftFileName(target))).toBeUndefined();
    expect(isDraftFileName(draftFileName(target))).toBe(true);
    expect(draftFileName(`${target}0`)).not.toBe(draftFileName(target));
  });
});

describe('isDraftFileName', () => {
  it.each([
    'package.json',
    'tsconfig.json',
    '.json',
    'a.txt',
    'docker.io%2flibrary%2fapp%3a1.2.json.lock',
    'docker.io%2flibrary%2fapp%3a1.2.json.lock.00112233.tmp',
    'docker.io%2Flibrary%2Fapp%3A1.2.json',
    'docker.io%2flibrary%2fapp%3av1 (copy).json',
    'docker.io%2flibrary%2fapp%3aV1.json',
    'con.io%2fapp%3a1.json',
    'app%3a%zz.json',
    'app%3a%ff.json',
    `short~${'0'.repeat(64)}.json`,
  ])('passes over %s', (name) => {
    expect(isDraftFileName(name)).toBe(false);
  });
});
