import { describe, expect, it } from 'vitest';

import {
  isExpiredAuthorization,
  whatExpired,
  type ErrorResponse,
  type SentAuthorization,
} from '../../../src/auth/requests/expiry.js';

describe('isExpiredAuthorization', () => {
  it.each([
    'Your authorization token has expired. Reauthenticate and try again.',
    'DENIED: Your Authorization Token is invalid.',
    'authorization token is expired',
    'The access token expired',
    'The access token provided is expired, revoked or malformed',
    'invalid_grant: Token has been expired or revoked.',
    'TOKEN_EXPIRED',
    'ExpiredTokenException',
    'expired credentials',
    'the JWT has expired',
    'Your session has expired',
    'the password of jane expired on Monday',
  ])('%s', (message) => {
    expect(isExpiredAuthorization(message)).toBe(true);
  });

  it.each([
    '',
    'expired',
    'Tag 1.2 was deleted or has expired. To pull, revive via time machine',
    'the upload session has expired',
    'the certificate has expired',
    'token is not allowed. The link expired',
    'an unexpired token of another realm',
    'access token is invalid',
    'insufficient_scope',
  ])('not: %j', (message) => {
    expect(isExpiredAuthorization(message)).toBe(false);
  });
});

describe('whatExpired', () => {
  const EXPIRED = 'Your authorization token has expired. Reauthenticate and try again.';
  const fresh = { isFresh: () => true, forget: () => {} };
  const old = { isFresh: () => false, forget: () => {} };
  const nothing: SentAuthorization = {};
  const anonymous = { token: 'T' };
  const renewable = { renewal: old };
  const justFetched = { renewal: fresh };
  const withToken = { token: 'T', renewal: old };
  const freshWithToken = { token: 'T', renewal: fresh };

  type Response = readonly [ErrorResponse['method'], number, string];

  it.each<[what: string, response: Response, sent: SentAuthorization, expired: string | undefined]>([
    ['a message', ['GET', 403, EXPIRED], renewable, 'credential'],
    ['a message about a fresh credential', ['GET', 403, EXPIRED], justFetched, 'credential'],
    [
      'a message of the public registry',
      ['GET', 400, 'Your Authorization Token is invalid.'],
      renewable,
      'credential',
    ],
    [
      'a message of a token server',
      ['GET', 401, 'invalid_grant: Token has been expired'],
      renewable,
      'credential',
    ],
    ['a message, with a token', ['PUT', 403, EXPIRED], withToken, 'credential'],
    [
      'a message, with a token of a credential that cannot be renewed',
      ['GET', 400, EXPIRED],
      anonymous,
      'token',
    ],
    ['a message, with nothing to renew', ['GET', 403, EXPIRED], nothing, undefined],
    ['a message with another status', ['GET', 404, EXPIRED], withToken, undefined],
    ['a 401', ['GET', 401, 'Not Authorized'], renewable, 'credential'],
    ['a 401 to a fresh credential', ['GET', 401, 'Not Authorized'], justFetched, undefined],
    ['a 401 to a token', ['GET', 401, 'Not Authorized'], anonymous, undefined],
    ['a HEAD', ['HEAD', 403, ''], renewable, 'credential'],
    ['a HEAD at the public registry', ['HEAD', 400, ''], renewable, 'credential'],
    ['a HEAD with a fresh credential', ['HEAD', 403, ''], justFetched, undefined],
    ['a HEAD with a token', ['HEAD', 400, ''], anonymous, 'token'],
    ['a HEAD with a token of a fresh credential', ['HEAD', 400, ''], freshWithToken, 'token'],
    ['a HEAD with a token, forbidden', ['HEAD', 403, ''], anonymous, undefined],
    [
      'a missing permission',
      ['PUT', 403, 'User: ann is not authorized to perform: ecr:PutImage'],
      withToken,
      undefined,
    ],
    ['an invalid request', ['GET', 400, 'NAME_INVALID: invalid name'], withToken, undefined],
    ['an outage', ['HEAD', 503, ''], withToken, undefined],
  ])('%s', (_what, [method, status, text], sent, expired) => {
    expect(whatExpired({ method, status, text }, sent)).toBe(expired);
  });
});
