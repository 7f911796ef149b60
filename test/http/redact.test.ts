import { describe, expect, it } from 'vitest';

import { redactHeaders, redactUrl } from '../../src/http/redact.js';

describe('redactUrl', () => {
  it.each([
    ['https://r.example/v2/a/manifests/1.0', 'https://r.example/v2/a/manifests/1.0'],
    ['https://user:pw@r.example:8443/v2/', 'https://REDACTED@r.example:8443/v2/'],
    ['https://user@r.example/', 'https://REDACTED@r.example/'],
    [
      'https://s3.example/x?X-Amz-Signature=abc&X-Amz-Credential=key',
      'https://s3.example/x?X-Amz-Signature=REDACTED&X-Amz-Credential=REDACTED',
    ],
    [
      'https://a.example/token?service=r.example&scope=repository%3Aa%3Apull&account=me',
      'https://a.example/token?service=r.example&scope=repository%3Aa%3Apull&account=REDACTED',
    ],
    [
      'https://r.example/v2/a/blobs/uploads/?mount=sha256:1&from=b',
      'https://r.example/v2/a/blobs/uploads/?mount=sha256:1&from=b',
    ],
    [
      'https://r.example/u/1?_state=secret&digest=sha256:1',
      'https://r.example/u/1?_state=REDACTED&digest=sha256:1',
    ],
    ['https://r.example/v2/a/tags/list?n=10&last=1.0', 'https://r.example/v2/a/tags/list?n=10&last=1.0'],
    [
      'https://cdn.example/s3cret-signature-of-a-url/a%2Fb/docker/registry/v2/blobs/data?x=y',
      'https://cdn.example/REDACTED/REDACTED/docker/registry/v2/blobs/data?x=REDACTED',
    ],
    ['https://cdn.example/v2/s3cret-signature-of-a-url/x', 'https://cdn.example/v2/REDACTED/x'],
    [
      'https://r.example/v2/a-repository-with-a-long-name/blobs/sha256:1',
      'https://r.example/v2/a-repository-with-a-long-name/blobs/sha256:1',
    ],
    ['https://r.example/x?secret', 'https://r.example/x?REDACTED'],
    ['https://r.example/x?SCOPE=s&%64igest=s', 'https://r.example/x?SCOPE=REDACTED&%64igest=REDACTED'],
    ['https://r.example/x?n=1;sig=secret;;scope=a', 'https://r.example/x?n=1;sig=REDACTED;;scope=a'],
    ['https://r.example/x?a=b=c&&d=e#secret', 'https://r.example/x?a=REDACTED&&d=REDACTED'],
  ])('%s', (url, redacted) => {
    expect(redactUrl(new URL(url))).toBe(redacted);
  });
});

describe('redactHeaders', () => {
  it('shows harmless values only', () => {
    expect(
      redactHeaders({
        Authorization: 'Bearer s3cret',
        'X-Registry-Auth': 's3cret',
        Cookie: 's3cret',
        'set-cookie': 's3cret',
        'Content-Type': 'application/json',
        'Docker-Content-Digest': 'sha256:1',
        etag: undefined,
      }),
    ).toEqual({
      authorization: 'REDACTED',
      'x-registry-auth': 'REDACTED',
      cookie: 'REDACTED',
      'set-cookie': 'REDACTED',
      'content-type': 'application/json',
      'docker-content-digest': 'sha256:1',
    });
  });

  it.each([
    ['https://s3.example/x?sig=s3cret', 'https://s3.example/x?sig=REDACTED'],
    ['/v2/a/blobs/uploads/1?_state=s3cret', '/v2/a/blobs/uploads/1?_state=REDACTED'],
    ['/v2/a/blobs/uploads/1#s3cret', '/v2/a/blobs/uploads/1'],
    ['/s3cret-signature-of-a-url/1', '/REDACTED/1'],
    ['//user:s3cret@host/', 'REDACTED'],
    ['relative?sig=s3cret', 'REDACTED'],
  ])('redacts the Location %s', (location, redacted) => {
    expect(redactHeaders({ location })).toEqual({ location: redacted });
  });
});
