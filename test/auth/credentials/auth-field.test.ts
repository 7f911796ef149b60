import { describe, expect, it } from 'vitest';

import { decodeAuthField } from '../../../src/auth/credentials/auth-field.js';
import { parseCredentialFile, findLogin } from '../../../src/auth/credentials/credential-file.js';
import type { Credential } from '../../../src/auth/credentials/credential.js';
import { FailedError } from '../../../src/oci/errors.js';
import type { RegistryHost } from '../../../src/oci/reference.js';
import { describeVectors, vectorJson } from '../../support/vectors.js';

const encode = (text: string): string => Buffer.from(text).toString('base64');

describe('the auth field', () => {
  it.each([
    ['dXNlcjpwYXNz', 'user', 'pass'],
    [encode('user:'), 'user', ''],
    [encode(':pass'), '', 'pass'],
    [encode('user:pa:ss:'), 'user', 'pa:ss:'],
    [encode('user:pass\0\0'), 'user', 'pass'],
    [encode('jürgen:schlüssel'), 'jürgen', 'schlüssel'],
    [encode('user:pass1').replace(/=+$/, ''), 'user', 'pass1'],
    ['dXNl\r\ncjpwYXNz\n', 'user', 'pass'],
  ])('%j is %s with %s', (field, username, password) => {
    expect(decodeAuthField(field, 'entry')).toEqual({ username, password });
  });

  it('that is empty is no login', () => {
    expect(decodeAuthField('', 'entry')).toBeUndefined();
  });

  it.each(['user:password', 'dXNlcg==', 'dXNl*jpwYXNz', '====', encode('topsecret')])(
    '%j is an error that does not repeat it',
    (field) => {
      expect(() => decodeAuthField(field, 'the login for x')).toThrow(
        new FailedError('the login for x: "auth" is not the base64 of USER:PASSWORD'),
      );
    },
  );
});

describeVectors('auth field vectors', () => {
  interface Row {
    system: string;
    name: string;
    entry: string;
    expected?: { username: string; password: string };
    error?: string;
  }
  const { auth_field_decode: rows } = vectorJson<{ auth_field_decode: Row[] }>('auth-configs.json');

  it.each(rows)('$system: $name', ({ entry, expected, error }) => {
    const find = (): Credential | undefined =>
      findLogin(parseCredentialFile(`{"auths":{"x":${entry}}}`, 'file'), 'x' as RegistryHost, undefined)
        ?.credential;
    if (error !== undefined) expect(find).toThrow(FailedError);
    // The peer gives two empty strings for an empty field; ours is no login.
    else if (expected?.username === '' && expected.password === '') expect(find()).toBeUndefined();
    else expect(find()).toEqual({ kind: 'basic', ...expected });
  });
});
