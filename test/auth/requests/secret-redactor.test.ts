import * as fc from 'fast-check';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';

import type { Credential } from '../../../src/auth/credentials/credential.js';
import { SecretRedactor } from '../../../src/auth/requests/secret-redactor.js';

function secretsOf(credential: Credential): SecretRedactor {
  const secrets = new SecretRedactor();
  secrets.addLogin(credential);
  return secrets;
}

const withPassword = (password: string): SecretRedactor =>
  secretsOf({ kind: 'basic', username: 'jane', password });
const base64 = (text: string): string => Buffer.from(text).toString('base64');

describe('what a server repeats of a secret', () => {
  it.each<[string, string, string]>([
    ['as it is', 'hun  ter2', 'hun  ter2'],
    ['on several lines', '{\n  "private_key": "x"\n}', '{\n  "private_key": "x"\n}'],
    ['with what means something in a pattern', 'a.*(b)[c]$&\\', 'a.*(b)[c]$&\\'],
    ['as JSON', 'a"b\\c\nd', String.raw`a\"b\\c\nd`],
    ['as JSON with slashes escaped', 'a/b', String.raw`a\/b`],
    ['as a form', 'a b&c', 'a+b%26c'],
    ['in the header', 'hunter2', base64('jane:hunter2')],
    ['in the header without padding', 'hunter2', base64('jane:hunter2').replace(/=+$/, '')],
  ])('is hidden %s', (_how, password, repeated) => {
    expect(withPassword(password).hide(`no ${repeated}, no ${repeated}!`)).toBe(
      'no [redacted], no [redacted]!',
    );
  });

  it('is hidden for tokens', () => {
    const secrets = secretsOf({ kind: 'identity', token: 'refresh+me' });
    secrets.addToken('given');
    secrets.addLogin({ kind: 'bearer', token: 'configured' });
    expect(secrets.hide('refresh+me refresh%2Bme given configured')).toBe(
      '[redacted] [redacted] [redacted] [redacted]',
    );
  });

  it('is hidden whole where one secret is a part of another', () => {
    const secrets = withPassword('am');
    secrets.addToken('am.am');
    expect(secrets.hide(`${base64('jane:am')} am.am`)).toBe('[redacted] [redacted]');
    expect(withPassword('red').hide('red')).toBe('[redacted]');
  });

  it('is hidden in JSON however it is escaped, and the rest stays as it is', () => {
    const secrets = withPassword('secret');
    expect(
      secrets.hideInBody(
        String.raw`{ "errors": [{"code":"\u0073ecret","detail":{"a secret":["\u0073ecret"]}}] }`,
      ),
    ).toBe('{"errors":[{"code":"[redacted]","detail":{"a [redacted]":["[redacted]"]}}]}');
    expect(withPassword('12345').hideInBody('{"errors":[{"code":"X","detail":12345}]}')).toBe(
      '{"errors":[{"code":"X","detail":"[redacted]"}]}',
    );
    expect(withPassword('","').hideInBody('{"a":"b","c":"d"}')).toBe('{"a":"b","c":"d"}');
    expect(secrets.hideInBody('{ "a": 1e400, "b": null }')).toBe('{ "a": 1e400, "b": null }');
  });

  it('is hidden in what is no JSON, or nested too deeply to look into', () => {
    const secrets = withPassword('secret');
    expect(secrets.hideInBody('<p>secret</p>')).toBe('<p>[redacted]</p>');
    expect(secrets.hideInBody(`${'['.repeat(30_000)}"secret"${']'.repeat(30_000)}`)).not.toContain('secret');
  });

  it('is hidden for any password, in any text', () => {
    const password = fc.string({ minLength: 1, unit: 'binary' });
    fc.assert(
      fc.property(password, fc.string(), fc.string(), (secret, before, after) => {
        const secrets = withPassword(secret);
        expect(secrets.hide(secret)).toBe('[redacted]');
        expect(secrets.hide(`${before}${secret}${after}`)).toContain('[redacted]');
        expect(JSON.parse(secrets.hideInBody(JSON.stringify([secret])))).toEqual(['[redacted]']);
      }),
    );
  });

  it('is in nothing that prints it', () => {
    expect(inspect(withPassword('topsecret'), { showHidden: true, depth: 9 })).not.toContain('topsecret');
  });

  it('is nothing where nothing was sent', () => {
    expect(new SecretRedactor().hide('a text')).toBe('a text');
    expect(withPassword('').hide('a text')).toBe('a text');
  });
});
