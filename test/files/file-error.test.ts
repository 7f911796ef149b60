import { readFile } from 'node:fs/promises';

import { describe, expect, it } from 'vitest';

import { errorCode, fileError } from '../../src/files/file-error.js';
import { ConflictError, FailedError } from '../../src/oci/errors.js';
import { failureOf } from '../support/failure.js';

const withCode = (code: string): Error => Object.assign(new Error(`${code}: as Node says it`), { code });

describe('fileError', () => {
  it.each([
    ['ENOSPC', 'the disk is full', 'Free some disk space'],
    ['EDQUOT', 'the disk quota is exhausted', 'Free some disk space'],
    ['EFBIG', 'the file size limit is reached', 'Free some disk space'],
    ['EROFS', 'the file system is read-only', 'Make it writable'],
    ['EACCES', 'permission denied', 'Check its owner'],
    ['EPERM', 'permission denied', 'Check its owner'],
    ['ENOENT', 'a part of the path does not exist', 'Create it'],
    ['ENOTDIR', 'a part of the path is not a directory', 'Move that file away'],
    ['EISDIR', 'it is a directory', 'Move it away'],
    ['ELOOP', 'too many levels of symbolic links', 'Remove the link'],
    ['EEXIST', 'a part of the path is not a directory', 'Move that file away'],
  ])('says of %s that %s, and what to do', (code, reason, remedy) => {
    const cause = withCode(code);
    const error = fileError('write', '/some/file', cause);
    expect(error).toBeInstanceOf(FailedError);
    expect(error).toMatchObject({ message: `cannot write /some/file: ${reason}`, cause });
    expect(error.hint).toMatch(new RegExp(`^${remedy}.*, or choose another directory\\.$`));
    expect(fileError('write', '/some/file', cause, 'say --store').hint).toMatch(/, or say --store\.$/);
  });

  it('does not tell a reader to create a file', () => {
    expect(fileError('read', '/some/file', withCode('ENOENT'))).toMatchObject({
      message: 'cannot read /some/file: no such file',
      hint: 'Check the path, or choose another directory.',
    });
  });

  it.each(['EMFILE', 'ENFILE'])('suggests fewer open files for %s', (code) => {
    expect(fileError('read', '/some/file', withCode(code))).toMatchObject({
      message: 'cannot read /some/file: too many open files',
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

  it('returns a MultiarchError unchanged', () => {
    const own = new ConflictError('another process was faster');
    expect(fileError('write', '/some/file', own)).toBe(own);
  });
});

describe('errorCode', () => {
  it('is defined for system errors only', async () => {
    const missing: unknown = await failureOf(readFile('/none/such'));
    expect(errorCode(missing)).toBe('ENOENT');
    const others = [new Error('ENOENT'), Object.assign(new Error('odd'), { code: 7 }), 'ENOENT', null];
    expect(others.map(errorCode)).toEqual([undefined, undefined, undefined, undefined]);
  });
});
