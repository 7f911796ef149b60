import { Readable } from 'node:stream';

import { describe, expect, it } from 'vitest';

import { MAX_ERROR_BYTES, parseErrorText, readErrorBody, readErrorText } from '../../src/http/error-text.js';
import { fakeResponse } from '../support/fake-response.js';

describe('the text of an error', () => {
  it.each<[what: string, body: string, text: string]>([
    ['one error', '{"errors":[{"code":"DENIED","message":"no"}]}', 'DENIED: no'],
    ['errors', '{"errors":[{"code":"A","message":"a"},{"code":"B","message":""}]}', 'A: a; B'],
    ['an error with a detail', '{"errors":[{"code":"A","message":"a","detail":"why"}]}', 'A: a; why'],
    ['an error without a code', '{"errors":[{"message":"a"}]}', 'UNKNOWN: a'],
    ['errors that say nothing', '{"errors":[null,1,{},{"code":1}]}', ''],
    ['OAuth', '{"error":"invalid_scope","error_description":"unknown"}', 'invalid_scope: unknown'],
    ['OAuth without a description', '{"error":"invalid_scope"}', 'invalid_scope'],
    [
      'AWS',
      '{"__type":"ThrottlingException","message":"Rate exceeded"}',
      'ThrottlingException: Rate exceeded',
    ],
    ['Docker Hub', '{"details":"incorrect password"}', 'incorrect password'],
    ['Docker Hub, otherwise', '{"detail":"incorrect password"}', 'incorrect password'],
    ['the docker daemon', '{"message":"no such image"}', 'no such image'],
    ['other JSON', '{"StatusCode":400}', '{"StatusCode":400}'],
    ['a list', '[1]', '[1]'],
    ['a string', '"go away"', 'go away'],
    ['an empty object', '{}', ''],
    [
      'Artifactory',
      '{"errors":[{"code":"MANIFEST_INVALID","message":"manifest invalid","detail":{"description":"null"}}]}',
      'MANIFEST_INVALID: manifest invalid; null',
    ],
    [
      'zot',
      '{"errors":[{"code":"MANIFEST_INVALID","message":"manifest invalid","description":"long","detail":{"mediaType":"application/x","reference":"1.2"}}]}',
      'MANIFEST_INVALID: manifest invalid; mediaType: application/x, reference: 1.2',
    ],
    [
      'Quay',
      '{"errors":[{"code":"MANIFEST_INVALID","detail":{"message":"manifest schema version not supported"},"message":"manifest invalid"}]}',
      'MANIFEST_INVALID: manifest invalid; manifest schema version not supported',
    ],
    [
      'distribution, with a digest',
      '{"errors":[{"code":"BLOB_UNKNOWN","message":"blob unknown","detail":{"digest":"sha256:ab"}}]}',
      'BLOB_UNKNOWN: blob unknown; digest: sha256:ab',
    ],
    [
      'distribution, with a list',
      '{"errors":[{"code":"UNAUTHORIZED","message":"authentication required","detail":[{"Type":"repository","Class":"","Name":"app","Action":"pull"},{"Type":"repository","Name":"app","Action":"push"}]}]}',
      'UNAUTHORIZED: authentication required; Type: repository, Name: app, Action: pull, Type: repository, Name: app, Action: push',
    ],
    [
      'GitLab',
      '{"errors":[{"code":"DENIED","message":"requested access to the resource is denied","detail":{"reason":{"text":["protected",1,true,null]}}}]}',
      'DENIED: requested access to the resource is denied; text: protected, 1, true',
    ],
    [
      'a detail that says nothing',
      '{"errors":[{"code":"A","message":"a","detail":{"x":{},"y":[]}}]}',
      'A: a',
    ],
    [
      'a detail that says the same',
      '{"errors":[{"code":"A","message":"a b","detail":{"message":"a b"}}]}',
      'A: a b',
    ],
    ['the same error twice', '{"errors":[{"code":"A","message":"a"},{"code":"A","message":"a"}]}', 'A: a'],
    ['errors without an object', '{"errors":["no such thing"]}', 'UNKNOWN: no such thing'],
    [
      'Google',
      '{"error":{"code":403,"message":"Permission denied","status":"PERMISSION_DENIED"}}',
      'code: 403, Permission denied, status: PERMISSION_DENIED',
    ],
    [
      'a message that is an object',
      '{"message":{"base":["too large","too old"]}}',
      'base: too large, too old',
    ],
    [
      'a detail with secrets',
      '{"errors":[{"code":"A","message":"a","detail":{"access_token":"T","url":"https://s3.example.com/b?X-Amz-Signature=S"}}]}',
      'A: a; access_token: REDACTED, url: https://s3.example.com/b?X-Amz-Signature=REDACTED',
    ],
    [
      'a detail with control characters',
      '{"errors":[{"code":"A","message":"a","detail":{"x\\u001b":"b\\u001b[31m\\nc"}}]}',
      'A: a; x: b [31m c',
    ],
    [
      'a long detail',
      `{"errors":[{"code":"A","message":"a","detail":{"x":"${'y'.repeat(500)}"}}]}`,
      `A: a; x: ${'y'.repeat(397)}…`,
    ],
    ['plain text', ' go\n\taway\u001b[31m\u202e', 'go away [31m'],
    ['HTML', '<!doctype html><head>x</head><h1>Blocked</h1> by <b>policy</b>', 'Blocked by policy'],
    ['a long text', 'x'.repeat(500), `${'x'.repeat(400)}…`],
    ['a long message', `{"message":"${'x'.repeat(500)}"}`, `${'x'.repeat(400)}…`],
    ['nothing', '', ''],
  ])('in the form of %s', (_what, body, text) => {
    expect(parseErrorText(body).text).toBe(text);
  });

  it('has the errors with a code', () => {
    expect(
      parseErrorText('{"errors":[{"code":"A\\u0007","message":"a\\nb","detail":[{"k":"\\u001b"}]}]}').errors,
    ).toEqual([{ code: 'A', message: 'a b', detail: [{ k: '' }] }]);
    expect(parseErrorText('{"error":"x","error_description":"y"}').errors).toEqual([
      { code: 'x', message: 'y' },
    ]);
    expect(parseErrorText('{"message":"y"}').errors).toEqual([]);
  });

  it('is bounded, however many errors there are', () => {
    const errors = Array.from({ length: 500 }, (_, number) => ({
      code: `C${number}`,
      message: 'x'.repeat(50),
    }));
    expect(parseErrorText(JSON.stringify({ errors })).text).toHaveLength(1_201);
    expect(parseErrorText(JSON.stringify({ errors })).errors).toHaveLength(500);
  });

  it('is not read from the response to a HEAD', async () => {
    const response = fakeResponse({ status: 404, method: 'HEAD', body: 'x' });
    expect(await readErrorText(response)).toEqual({ errors: [], text: '' });
  });
});

describe('the body of an error', () => {
  it('counts as empty above 64 KiB', async () => {
    const body = (size: number): Readable => Readable.from([Buffer.alloc(size, 'x')]);
    expect(await readErrorBody(body(MAX_ERROR_BYTES))).toHaveLength(64 * 1024);
    expect(await readErrorBody(body(MAX_ERROR_BYTES + 1))).toBe('');
  });

  it('is read as far as it arrives', async () => {
    const broken = Readable.from(
      (async function* () {
        yield await Promise.resolve(Buffer.from('quota exc'));
        throw new Error('broken');
      })(),
    );
    expect(await readErrorBody(broken)).toBe('quota exc');
  });
});
