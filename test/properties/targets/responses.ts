import assert from 'node:assert/strict';

import * as fc from 'fast-check';

import { parseHelperLogin } from '../../../src/auth/credentials/credential-helper.js';
import { parseTokenResponse } from '../../../src/auth/requests/token.js';
import { parseErrorText } from '../../../src/http/error-text.js';
import { FailedError } from '../../../src/oci/errors.js';
import { changedJson } from '../changed-json.js';
import { anyCharacter, orError, property, textOf, type Target } from '../property.js';
import { CONTROLS } from './headers.js';

const SECRET = 'Zt9Qsecret';
/** More than the limit of the errors of one response together, with the mark of the cut. */
const MAX_TEXT = 1_201;
const word = fc.stringMatching(/^[A-Za-z0-9]{1,12}$/);
const oneLine = fc.array(word, { minLength: 1, maxLength: 5 }).map((words) => words.join(' '));
const code = fc.constantFrom('DENIED', 'MANIFEST_UNKNOWN', 'TOOMANYREQUESTS', 'UNSUPPORTED', 'X');
const errors = fc.record({
  errors: fc.array(
    fc.record(
      { code, message: oneLine, detail: fc.oneof(fc.jsonValue({ maxDepth: 2 }), oneLine) },
      { requiredKeys: ['code', 'message'] },
    ),
    { minLength: 1, maxLength: 3 },
  ),
});
const otherErrors = fc.constantFrom<unknown>(
  { error: 'invalid_grant', error_description: 'no' },
  { __type: 'ThrottlingException', message: 'Rate exceeded' },
  { details: 'incorrect username or password' },
  { message: 'not found' },
  { error: { message: 'no', code: 401 } },
);

/** Checks what is shown of the body of an error response. */
function survives(body: string): 'errors' | 'text' | 'empty' {
  const { errors: list, text } = parseErrorText(body);
  assert.doesNotMatch(text, CONTROLS);
  assert(text.length <= MAX_TEXT, String(text.length));
  for (const { code: name, message, detail } of list) {
    assert.doesNotMatch(name + message, CONTROLS);
    assert(name.length + message.length <= MAX_TEXT);
    assert.doesNotMatch(JSON.stringify(detail) ?? '', /\\u00[01]/);
  }
  return list.length > 0 ? 'errors' : text === '' ? 'empty' : 'text';
}

export const errorBody: Target = {
  name: 'error-body',
  properties: [
    property('the codes and messages of a registry are read', [errors], (body) => {
      const { errors: read, text } = parseErrorText(JSON.stringify(body));
      assert.deepEqual(
        read.map((each) => [each.code, each.message]),
        body.errors.map((each) => [each.code, each.message]),
      );
      if (text.length < 1_200) for (const { message } of body.errors) assert(text.includes(message));
    }),
    property(
      'any body gives text that can be printed and is clipped',
      [
        fc.oneof(
          fc
            .oneof(changedJson(errors), changedJson(otherErrors), fc.jsonValue())
            .map((value) => JSON.stringify(value)),
          textOf([
            '<html>',
            '<',
            '>',
            '<!doctype html>',
            '<script>',
            '</script>',
            'a',
            '\u001B]0;x\u0007',
            '\n',
          ]),
          fc.string({ unit: anyCharacter, maxLength: 3000 }),
        ),
      ],
      survives,
      { batch: 500, reaches: ['errors', 'text', 'empty'] },
    ),
    property(
      'the elements of a page are not shown, its text is',
      [fc.array(oneLine, { minLength: 1, maxLength: 6 }), fc.constantFrom('p', 'h1', 'center', 'a href="x"')],
      (texts, element) => {
        const body = texts.map((text) => `<${element}>${text}</${element.split(' ')[0]}>`).join('\n');
        const page = `<!DOCTYPE html><html><head><title>x</title></head><body>${body}</body></html>`;
        const { text } = parseErrorText(page);
        assert.equal(text, texts.join(' ').slice(0, 400) + (texts.join(' ').length > 400 ? '…' : ''));
      },
    ),
    property(
      'members with the names of secrets and the queries of URLs are not shown',
      [
        fc.constantFrom(
          'token',
          'Password',
          'client_secret',
          'authorization',
          'X-Amz-Signature',
          'credentials',
        ),
        fc.constantFrom('errors', 'message', 'details'),
        fc.boolean(),
      ],
      (name, member, isUrl) => {
        const value = isUrl ? { url: `https://s3.example/x?sig=${SECRET}` } : { [name]: SECRET };
        const detail = member === 'errors' ? [{ code: 'DENIED', message: 'no', detail: value }] : value;
        const { text } = parseErrorText(JSON.stringify({ [member]: detail }));
        assert(!text.includes(SECRET), text);
      },
    ),
  ],
};

export const tokenResponse: Target = {
  name: 'token-response',
  properties: [
    property(
      'a changed response gives a token that can be sent in a header, or is rejected without being quoted',
      [
        changedJson(
          fc.constantFrom<unknown>(
            { token: SECRET, expires_in: 300, issued_at: '2024-01-01T00:00:00Z' },
            { access_token: SECRET, refresh_token: SECRET, scope: 'repository:app:pull' },
          ),
        ).map((value) => JSON.stringify(value)),
        fc.nat(),
        fc.string({ maxLength: 3 }),
        fc.boolean(),
      ],
      (text, at, noise, isDamaged) => {
        const position = at % (text.length + 1);
        const body = isDamaged ? text.slice(0, position) + noise + text.slice(position) : text;
        const token = orError(FailedError, () => parseTokenResponse(Buffer.from(body), 'auth.example', 1000));
        if (token instanceof FailedError) {
          assert(!(String(token) + String(token.cause)).includes(SECRET));
          return 'rejected';
        }
        assert.match(token.value, /^[!-~]+$/);
        assert(token.expiresAt >= 1000 + 60_000);
        return 'read';
      },
      { batch: 300, reaches: ['read', 'rejected'] },
    ),
  ],
};

export const helperOutput: Target = {
  name: 'helper-output',
  properties: [
    property('a login is read', [fc.string(), fc.string(), word], (username, secret, extra) => {
      const output = JSON.stringify({
        ServerURL: 'a.example',
        Username: username,
        Secret: secret,
        [extra]: 1,
      });
      assert.deepEqual(parseHelperLogin(output), { username, secret });
    }),
    property(
      'any output is a login, or a problem that does not quote it',
      [
        fc.oneof(
          changedJson(fc.constant({ ServerURL: 'a.example', Username: 'user', Secret: SECRET })).map(
            (value) => JSON.stringify(value),
          ),
          fc.json(),
          fc.string().map((noise) => `${SECRET}${noise}`),
        ),
      ],
      (output) => {
        const login = parseHelperLogin(output);
        if (typeof login === 'string') {
          assert(!login.includes(SECRET) && login !== '');
          return 'rejected';
        }
        const { Username = '', Secret = '' } = JSON.parse(output) as Readonly<Record<string, unknown>>;
        assert.deepEqual(login, { username: Username, secret: Secret });
        return 'read';
      },
      { batch: 200, reaches: ['read', 'rejected'] },
    ),
  ],
};
