import assert from 'node:assert/strict';

import * as fc from 'fast-check';

import {
  decodeAuthField,
  encodeAuthField,
  findLogin,
  parseCredentialFile,
} from '../../../src/auth/credentials/credential-file.js';
import { FailedError } from '../../../src/oci/errors.js';
import type { RegistryHost } from '../../../src/oci/reference.js';
import { changedJson } from '../changed-json.js';
import { orError, property, type Target } from '../property.js';

const hostName = fc.stringMatching(/^[a-z]{1,3}\.(?:example|example\.com)(?::500[01])?$/);

const HOST = 'a.example' as RegistryHost;
const SECRET = 'Zt9Qsecret';
const user = fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll(':', ''));
const password = fc.string({ unit: 'grapheme', minLength: 1 }).map((text) => text.replaceAll('\0', ''));

/** Reads the login of the host, or returns the text of the error with its causes. */
function readLogin(content: string): string | undefined {
  const login = orError(FailedError, () => findLogin(parseCredentialFile(content, 'file'), HOST, undefined));
  return login instanceof FailedError ? String(login) + String(login.hint) + String(login.cause) : undefined;
}

export const dockerConfig: Target = {
  name: 'docker-config',
  properties: [
    property(
      'any user without a colon and any password are decoded from an auth field',
      [user, password],
      (username, secret) => {
        const login = { username, password: secret };
        assert.deepEqual(
          decodeAuthField(Buffer.from(`${username}:${secret}`).toString('base64'), 'entry'),
          login,
        );
        assert.deepEqual(decodeAuthField(encodeAuthField(login), 'entry'), login);
      },
    ),
    property(
      'any auth field is decoded as base64 does, or rejected without being quoted',
      [fc.oneof(fc.base64String({ maxLength: 24 }), fc.string(), fc.constant(`${SECRET}!`))],
      (field) => {
        const login = orError(FailedError, () => decodeAuthField(field, 'entry'));
        if (login instanceof FailedError) {
          if (field.length > 5) assert(!String(login).includes(field));
          return 'rejected';
        }
        if (login === undefined) return 'none';
        const [username, ...rest] = Buffer.from(field, 'base64').toString('utf8').split(':');
        // As docker does, which pads passwords with NUL.
        assert.deepEqual(login, { username, password: rest.join(':').replaceAll(/^\0+|\0+$/g, '') });
        return 'read';
      },
      { reaches: ['rejected'] },
    ),
    property(
      'a login is found for its own host and port and for no other',
      [hostName, hostName, fc.constantFrom('%', 'https://%', 'http://%/', 'https://%/v1/', '%/v2/')],
      (owner, asked, written) => {
        const auths = { [written.replace('%', owner)]: { auth: 'dXNlcjpwYXNz' } };
        const file = parseCredentialFile(JSON.stringify({ auths }), 'file');
        assert.equal(findLogin(file, asked as RegistryHost, undefined) !== undefined, owner === asked);
      },
    ),
    property(
      'any text and any JSON is read or rejected',
      [
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.json().map((json) => `{"auths":{"${HOST}":${json}}}`),
        ),
      ],
      (content) => (readLogin(content) === undefined ? 'read' : 'rejected'),
      { reaches: ['read', 'rejected'] },
    ),
    property(
      'a changed file is read or rejected, and its secrets are never quoted',
      [
        changedJson(
          fc.constant({
            auths: {
              [HOST]: { auth: SECRET, username: SECRET, password: SECRET, identitytoken: SECRET },
              [`${HOST}/team`]: { auth: SECRET },
            },
            credHelpers: { [HOST]: SECRET },
            credsStore: SECRET,
          }),
        ).map((value) => JSON.stringify(value)),
        fc.nat(),
        fc.string({ maxLength: 2 }),
        fc.boolean(),
      ],
      (whole, at, noise, isDamaged) => {
        const position = at % (whole.length + 1);
        const text = isDamaged ? whole.slice(0, position) + noise + whole.slice(position) : whole;
        assert(!(readLogin(text) ?? '').includes('Zt9Q'));
      },
      { batch: 200 },
    ),
  ],
};
