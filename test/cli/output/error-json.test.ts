import { describe, expect, it } from 'vitest';

import { errorJson } from '../../../src/cli/output/error-json.js';
import {
  CancelledError,
  FailedError,
  InvalidError,
  NotFoundError,
  RateLimitedError,
  SourcesError,
  UnauthorizedError,
} from '../../../src/oci/errors.js';
import { withFailedTags } from '../../../src/oci/failed-tags.js';

const HELP = 'https://github.com/multiarch-cli/multiarch/blob/main/docs/errors.md';
const url = 'https://registry.example.com:5000/v2/app/manifests/1';

const failedWith = (...codes: readonly string[]) =>
  new NotFoundError('gone', {
    hint: 'Look elsewhere.',
    exchange: {
      method: 'GET',
      url,
      status: 404,
      errors: codes.map((code) => ({ code, message: `about ${code}`, detail: { more: 1 } })),
    },
  });

describe('errorJson', () => {
  it('has the code, the response and the request of a registry', () => {
    expect(errorJson(failedWith('MANIFEST_UNKNOWN'))).toEqual({
      error: {
        kind: 'not-found',
        code: 'MANIFEST_UNKNOWN',
        exitCode: 3,
        message: 'gone',
        hint: 'Look elsewhere.',
        help: `${HELP}#manifest_unknown`,
        registry: {
          host: 'registry.example.com:5000',
          status: 404,
          errors: [{ code: 'MANIFEST_UNKNOWN', message: 'about MANIFEST_UNKNOWN' }],
        },
        request: { method: 'GET', url },
      },
    });
  });

  it.each([
    ['the first code of the registry', failedWith('NAME_UNKNOWN', 'DENIED'), 'NAME_UNKNOWN', 'name_unknown'],
    [
      'a code that only this registry has',
      failedWith('ThrottlingException'),
      'ThrottlingException',
      'not_found',
    ],
    ['the kind, for a registry without a code', failedWith(), 'NOT_FOUND', 'not_found'],
    ['the kind, for a text instead of a code', failedWith('not here!'), 'NOT_FOUND', 'not_found'],
    ['the kind, without a registry', new RateLimitedError('slow'), 'RATE_LIMITED', 'rate_limited'],
  ])('has as code %s', (_what, error, code, heading) => {
    expect(errorJson(error).error).toMatchObject({ code, help: `${HELP}#${heading}` });
  });

  it('has the request of a failure without a response, and nothing of a registry', () => {
    const request = { method: 'GET', url };
    const { error } = errorJson(new FailedError('no response', { request }));
    expect(error.request).toEqual(request);
    expect(error).not.toHaveProperty('registry');
  });

  it('has the problems of a document', () => {
    const problems = [{ pointer: '/a', message: 'is wrong', rule: 'x/y' }];
    expect(errorJson(new InvalidError('bad', { problems })).error.problems).toEqual(problems);
    expect(errorJson(new InvalidError('bad')).error).not.toHaveProperty('problems');
  });

  it('has the errors of several sources', () => {
    const sources = new SourcesError([failedWith('NAME_UNKNOWN'), new UnauthorizedError('denied')], 3);
    expect(errorJson(sources).error).toMatchObject({
      kind: 'not-found',
      code: 'NOT_FOUND',
      message: '2 of 3 sources cannot be used:\n  gone (Look elsewhere.)\n  denied',
      errors: [{ code: 'NAME_UNKNOWN' }, { code: 'UNAUTHORIZED', exitCode: 4 }],
    });
  });

  it('has the tags that had moved', () => {
    const tags = [{ reference: 'app:1', outcome: 'moved' }] as const;
    expect(errorJson(withFailedTags(new CancelledError('cancelled'), tags))).toMatchObject({
      error: { kind: 'cancelled', exitCode: 130 },
      tags,
    });
  });

  it.each([
    ['an error of a library', new TypeError('x is not a\nfunction'), 'x is not a function'],
    ['a thrown string', 'thrown', 'thrown'],
    ['nothing', undefined, 'undefined'],
  ])('calls %s a bug', (_what, thrown, message) => {
    expect(errorJson(thrown).error).toMatchObject({
      kind: 'internal',
      code: 'INTERNAL',
      exitCode: 1,
      message,
      hint: expect.stringContaining('bug') as unknown,
      help: `${HELP}#internal`,
    });
  });
});
