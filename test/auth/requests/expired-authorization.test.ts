import { describe, expect, it } from 'vitest';

import { isExpiredAuthorization } from '../../../src/auth/requests/expired-authorization.js';

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
  ])('%s', (words) => {
    expect(isExpiredAuthorization(words)).toBe(true);
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
  ])('not: %j', (words) => {
    expect(isExpiredAuthorization(words)).toBe(false);
  });
});
