import * as fc from 'fast-check';
import { expect, it } from 'vitest';

import {
  decodeAuthField,
  findLogin,
  parseCredentialFile,
} from '../../src/auth/credentials/credential-file.js';
import { FailedError } from '../../src/oci/errors.js';
import type { RegistryHost } from '../../src/oci/reference.js';

const hostName = fc.stringMatching(/^[a-z]{1,3}\.(?:example|example\.com)(?::500[01])?$/);

/** Runs it, and lets only the error pass that callers expect. */
function orFailedError(work: () => unknown): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof FailedError)) throw error;
  }
}

it('any user without a colon and any password are decoded from an auth field', () => {
  const user = fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll(':', ''));
  const password = fc.string({ unit: 'grapheme', minLength: 1 }).map((text) => text.replaceAll('\0', ''));
  fc.assert(
    fc.property(user, password, (username, secret) => {
      const field = Buffer.from(`${username}:${secret}`).toString('base64');
      expect(decodeAuthField(field, 'entry')).toEqual({ username, password: secret });
    }),
  );
});

it('a login is found for its own host and port and for no other', () => {
  const form = fc.constantFrom('%', 'https://%', 'http://%/', 'https://%/v1/', '%/v2/');
  fc.assert(
    fc.property(hostName, hostName, form, (owner, asked, written) => {
      const auths = { [written.replace('%', owner)]: { auth: 'dXNlcjpwYXNz' } };
      const file = parseCredentialFile(JSON.stringify({ auths }), 'file');
      expect(findLogin(file, asked as RegistryHost, undefined) !== undefined).toBe(owner === asked);
    }),
  );
});

it('any text and any JSON is read or rejected, and never quoted in errors', () => {
  const text = fc.oneof(
    fc.string(),
    fc.json(),
    fc.json().map((json) => `{"auths":{"a.example":${json}}}`),
  );
  fc.assert(
    fc.property(text, (content) => {
      orFailedError(() =>
        findLogin(parseCredentialFile(content, 'file'), 'a.example' as RegistryHost, undefined),
      );
    }),
  );
  const secret = 'Zt9Qsecret';
  fc.assert(
    fc.property(fc.nat({ max: 60 }), fc.string({ maxLength: 3 }), (at, noise) => {
      const whole = `{"auths":{"a.example":{"auth":"${secret}","username":"${secret}"}}}`;
      const damaged = `${whole.slice(0, at)}${noise}${whole.slice(at)}`;
      let message = '';
      try {
        findLogin(parseCredentialFile(damaged, 'file'), 'a.example' as RegistryHost, undefined);
      } catch (error) {
        message = String(error) + String(error instanceof Error && error.cause);
      }
      expect(message).not.toContain('Zt9Q');
    }),
  );
});
