import { readFile } from 'node:fs/promises';

import { describe, expect, it } from 'vitest';

import { errorCode, fileError } from '../../src/files/file-error.js';
import { ConflictError, FailedError } from '../../src/oci/errors.js';

const withCode = (code: string): Error => Object.assign(new Error(`${code}: as Node says it`), { code });

describe('fileError', () => {
  it.each([
    ['ENOSPC', 'the disk is full', 'Make room'],
    ['EDQUOT', 'the disk quota is used up', 'Make room'],
    ['EFBIG', 'the limit of the size of a file is reached', 'Make room'],
    ['EROFS', 'the file system is read-only', 'Make it writable'],
    ['EACCES', 'permission denied', 'Check who owns it'],
    ['EPERM', 'permission denied', 'Check who owns it'],
    ['ENOTDIR', 'a part of the path is not a directory', 'Move that file away'],
    ['EEXIST', 'a part of the path is not a directory', 'Move that file away'],
  ])('says of %s that %s, and what to do', (code, reason, remedy) => {
    const cause = withCode(code);
    const error = fileError('write', '/some/file', cause);
    expect(error).toBeInstanceOf(FailedError);
    expect(error).toMatchObject({ message: `cannot write /some/file: ${reason}`, cause });
    expect(error.hint).toMatch(new RegExp(`^${remedy}.*, or choose another directory\\.$`));
    expect(fileError('write', '/some/file', cause, 'say --store').hint).toMatch(/, or say --store\.$/);
  });

  it.each(['EMFILE', 'ENFILE'])('says of %s that fewer should be open', (code) => {
    expect(fileError('read', '/some/file', withCode(code))).toMatchObject({
      message: 'cannot read /some/file: too many files are open',
      hint: expect.stringContaining('concurrency') as string,
    });
  });

  it.each([
    [withCode('EIO'), 'EIO: as Node says it'],
    [new Error('something'), 'something'],
    ['a text', 'a text'],
  ])('has no advice about %s', (cause, reason) => {
    const error = fileError('read', '/some/file', cause);
    expect(error).toBeInstanceOf(FailedError);
    expect(error).toMatchObject({ message: `cannot read /some/file: ${reason}`, hint: undefined, cause });
  });

  it('lets an error of the library’s own pass', () => {
    const own = new ConflictError('somebody was faster');
    expect(fileError('write', '/some/file', own)).toBe(own);
  });
});

describe('errorCode', () => {
  it('is that of a system error, and of nothing else', async () => {
    const missing: unknown = await readFile('/none/such').catch((error: unknown) => error);
    expect(errorCode(missing)).toBe('ENOENT');
    const others = [new Error('ENOENT'), Object.assign(new Error('odd'), { code: 7 }), 'ENOENT', null];
    expect(others.map(errorCode)).toEqual([undefined, undefined, undefined, undefined]);
  });
});
