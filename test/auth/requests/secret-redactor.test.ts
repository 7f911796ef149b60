import * as fc from 'fast-check';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';

import type { RegistryCredential } from '../../../src/auth/credentials/credential.js';
import { SecretRedactor } from '../../../src/auth/requests/secret-redactor.js';
import { anyCharacter } from '../../properties/property.js';

function secretsOf(credential: RegistryCredential): SecretRedactor {
  const secrets = new SecretRedactor();
  secrets.addLogin(credential);
  return secrets;
}

const withPassword = (password: string): SecretRedactor =>
  secretsOf({ kind: 'basic', username: 'jane', password });
const base64 = (text: string): string => Buffer.from(text).toString('base64');

describe('a secret in the message of a server', () => {
  it.each<[string, string, string]>([
    ['as it is', 'hun  ter2', 'hun  ter2'],
    ['on several lines', '{\n  "private_key": "x"\n}', '{\n  "private_key": "x"\n}'],
    ['with what means something in a pattern', 'a.*(b)[c]$&\\', 'a.*(b)[c]$&\\'],
    ['as JSON', 'a"b\\c\nd', String.raw`a\"b\\c\nd`],
    ['as JSON with slashes escaped', 'a/b', String.raw`a\/b`],
    ['as a form', 'a b&c', 'a+b%26c'],
    ['in the header', 'hunter2', base64('jane:hunter2')],
    ['in the header without padding', 'hunter2', base64('jane:hunter2').replace(/=+$/, '')],
  ])('is redacted %s', (_how, password, repeated) => {
    expect(withPassword(password).hide(`no ${repeated}, no ${repeated}!`)).toBe('no REDACTED, no REDACTED!');
  });

  it('is redacted if it is a token', () => {
    const secrets = secretsOf({ kind: 'identity', token: 'refresh+me' });
    secrets.addToken('given');
    secrets.addLogin({ kind: 'bearer', token: 'configured' });
    expect(secrets.hide('refresh+me refresh%2Bme given configured')).toBe(
      'REDACTED REDACTED REDACTED REDACTED',
    );
  });

  it('is redacted as a whole if another secret is part of it', () => {
    const secrets = withPassword('am');
    secrets.addToken('am.am');
    expect(secrets.hide(`${base64('jane:am')} am.am`)).toBe('REDACTED REDACTED');
    expect(withPassword('red').hide('red')).toBe('REDACTED');
  });

  it('is redacted in JSON however it is escaped, and the rest is unchanged', () => {
    const secrets = withPassword('secret');
    expect(
      secrets.hideInBody(
        String.raw`{ "errors": [{"code":"\u0073ecret","detail":{"a secret":["\u0073ecret"]}}] }`,
      ),
    ).toBe('{"errors":[{"code":"REDACTED","detail":{"a REDACTED":["REDACTED"]}}]}');
    expect(withPassword('12345').hideInBody('{"errors":[{"code":"X","detail":12345}]}')).toBe(
      '{"errors":[{"code":"X","detail":"REDACTED"}]}',
    );
    expect(withPassword('","').hideInBody('{"a":"b","c":"d"}')).toBe('{"a":"b","c":"d"}');
    expect(secrets.hideInBody('{ "a": 1e400, "b": null }')).toBe('{ "a": 1e400, "b": null }');
  });

  it('is redacted in text that is not JSON, or nested too deeply', () => {
    const secrets = withPassword('secret');
    expect(secrets.hideInBody('<p>secret</p>')).toBe('<p>REDACTED</p>');
    expect(secrets.hideInBody(`${'['.repeat(30_000)}"secret"${']'.repeat(30_000)}`)).not.toContain('secret');
  });

  it('is redacted for any password, in any text', () => {
    const password = fc.string({ minLength: 1, unit: anyCharacter });
    fc.assert(
      fc.property(password, fc.string(), fc.string(), (secret, before, after) => {
        const secrets = withPassword(secret);
        expect(secrets.hide(secret)).toBe('REDACTED');
        expect(secrets.hide(`${before}${secret}${after}`)).toContain('REDACTED');
        expect(JSON.parse(secrets.hideInBody(JSON.stringify([secret])))).toEqual(['REDACTED']);
      }),
    );
  });

  it('is not revealed by printing the redactor', () => {
    expect(inspect(withPassword('topsecret'), { showHidden: true, depth: 9 })).not.toContain('topsecret');
  });

  it('needs no redaction if nothing was sent', () => {
    expect(new SecretRedactor().hide('a text')).toBe('a text');
    expect(withPassword('').hide('a text')).toBe('a text');
  });
});
