import assert from 'node:assert/strict';

import * as fc from 'fast-check';

import { SecretRedactor } from '../../../src/auth/requests/secret-redactor.js';
import { redactHeaders, redactUrl } from '../../../src/http/redact.js';
import { property, type Target } from '../property.js';

/** Text that occurs nowhere else in a case. */
const secret = fc.stringMatching(/^Zq[a-z0-9]{8,20}$/);
/** Passwords of any characters, long enough that they are in no other text by chance. */
const password = fc
  .tuple(fc.string({ unit: 'grapheme', minLength: 6, maxLength: 12 }), secret)
  .map(([text, end]) => text + end);
const origin = fc.constantFrom('https://registry.example.com', 'http://localhost:5000', 'https://s3.example');
const parameter = fc.constantFrom('X-Amz-Signature', 'token', '_state', 'sig', 'Digest', 'scope%00', '');
const before = fc.constantFrom('', 'scope=a&', 'digest=sha256:aa&', '&&', '=&', 'n=1;');

/** URLs with the secret where servers put one: the query, the fragment, the user information. */
const urlWith = (text: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.tuple(origin, before, parameter, text, fc.nat({ max: 5 })).map(([base, start, name, value, form]) => {
    const path = `${base}/v2/app/blobs/uploads/1`;
    return (
      [
        `${path}?${start}${name}=${value}`,
        `${path}?${start}${value}`,
        `${path}#${value}`,
        path.replace('://', `://user:${value}@`),
        path.replace('://', `://${value}@`),
        `${path}?${start}${name}=a=${value}#x`,
      ][form] ?? path
    );
  });

export const redaction: Target = {
  name: 'redaction',
  properties: [
    property(
      'a URL for output has no secret, and keeps its host and path',
      [secret.chain((text) => fc.tuple(fc.constant(text), urlWith(fc.constant(text))))],
      ([text, url]) => {
        const parsed = new URL(url);
        const shown = redactUrl(parsed);
        assert(!shown.includes(text), shown);
        assert(shown.includes(parsed.host + parsed.pathname));
        assert(shown.length <= url.length + 20 * url.split('&').length);
      },
      { batch: 300 },
    ),
    property(
      'headers for output have no secret, whatever their names and the form of Location',
      [
        secret.chain((text) =>
          fc.tuple(
            fc.constant(text),
            fc.oneof(
              urlWith(fc.constant(text)),
              urlWith(fc.constant(text)).map((url) => url.replace(/^https?:/, '')),
              urlWith(fc.constant(text)).map((url) => url.replace(/^https?:\/\/[^/]*/, '')),
              fc.constantFrom(text, `x?${text}`, `?a=${text}`, `https://[${text}`, `HTTPS:/${text}`),
            ),
          ),
        ),
        fc.constantFrom(
          'Authorization',
          'authorization',
          'Set-Cookie',
          'X-Registry-Auth',
          'X-Amz-Token',
          'x',
        ),
      ],
      ([text, location], name) => {
        const shown = redactHeaders({ [name]: `Bearer ${text}`, Location: location, Accept: '*/*' });
        // The user information and the query are secret, a path without them is not.
        const isPath = !/[?#@]/.test(location) && location.startsWith('/');
        if (!isPath) assert(!JSON.stringify(shown).includes(text), JSON.stringify(shown));
        assert.equal(shown['accept'], '*/*');
      },
      { batch: 300 },
    ),
    property(
      'a text for output has no form of the password or token that the server was sent',
      [fc.string({ maxLength: 8 }), password, secret, fc.string({ maxLength: 10 }), fc.nat({ max: 7 })],
      (username, given, token, noise, form) => {
        const redactor = new SecretRedactor();
        redactor.addLogin({ kind: 'basic', username, password: given });
        redactor.addToken(token);
        const basic = Buffer.from(`${username}:${given}`).toString('base64');
        const forms = [
          given,
          JSON.stringify(given).slice(1, -1),
          new URLSearchParams({ a: given }).toString(),
          basic,
          basic.replace(/=+$/, ''),
          token,
          JSON.stringify({ message: given, [given]: [token, { a: basic }] }),
          JSON.stringify(JSON.stringify(given)).slice(1, -1),
        ];
        const written = `${noise}${forms[form]}${noise}`;
        for (const shown of [redactor.hide(written), redactor.hideInBody(forms[form] ?? '')]) {
          // The twice escaped form is found where the password has nothing to escape.
          if (form === 7 && JSON.stringify(given).length > given.length + 2) continue;
          for (const text of [given, basic.replace(/=+$/, ''), token]) assert(!shown.includes(text), shown);
        }
      },
      { batch: 300 },
    ),
    property(
      'a JSON body stays valid without its secrets, and is unchanged without any',
      [fc.jsonValue({ maxDepth: 3 }), secret, fc.boolean()],
      (value, token, isIn) => {
        const redactor = new SecretRedactor();
        redactor.addToken(token);
        const body = JSON.stringify(isIn ? { [token]: value, value: [token] } : value);
        const shown = redactor.hideInBody(body);
        assert(!shown.includes(token));
        if (isIn) assert.deepEqual(JSON.parse(shown), JSON.parse(body.replaceAll(token, 'REDACTED')));
        else assert.equal(shown, body);
      },
    ),
  ],
};
