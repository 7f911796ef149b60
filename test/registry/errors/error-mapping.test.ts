import { Readable } from 'node:stream';

import { describe, expect, it } from 'vitest';

import { parseDigest } from '../../../src/oci/digest.js';
import type { ErrorKind, MultiarchError } from '../../../src/oci/errors.js';
import { parseReference, type Tag } from '../../../src/oci/reference.js';
import { blobOperation, manifestOperation, type Operation } from '../../../src/registry/operation.js';
import { isTransient } from '../../../src/registry/errors/error-codes.js';
import { readErrorResponse, registryError } from '../../../src/registry/errors/error-mapping.js';
import { fakeResponse } from '../../support/fake-response.js';
import { describeVectors, vectorJson } from '../../support/vectors.js';

const repository = parseReference('registry.example.com/team/app');
const digest = parseDigest(`sha256:${'a'.repeat(64)}`);
const read = manifestOperation('read', repository, '1.2' as Tag);
const write = manifestOperation('write', repository, '1.2' as Tag);
const upload = blobOperation('write', repository, digest);
const download = blobOperation('read', repository, digest);

type Answer = Parameters<typeof fakeResponse>[0];

async function errorFor(answer: Answer, attempt: Operation = read): Promise<MultiarchError> {
  return registryError(await readErrorResponse(fakeResponse(answer), attempt), attempt);
}

const INSUFFICIENT = { 'www-authenticate': 'Bearer error="insufficient_scope"' };

function coded(status: number, code: string, message = 'some words', detail?: unknown): Answer {
  return { status, body: JSON.stringify({ errors: [{ code, message, detail }] }) };
}

describe('the kind of error', () => {
  it.each<[string, Answer, Operation, ErrorKind]>([
    ['401', { status: 401 }, read, 'unauthorized'],
    ['403', { status: 403 }, read, 'unauthorized'],
    ['404', { status: 404 }, read, 'not-found'],
    ['404 of a blob', { status: 404 }, download, 'not-found'],
    ['409 on a tag', { status: 409 }, write, 'conflict'],
    ['412 on a tag', { status: 412 }, write, 'conflict'],
    ['405 on a read', { status: 405 }, read, 'unauthorized'],
    ['405 on a write', { status: 405 }, write, 'unauthorized'],
    ['a read-only registry', coded(405, 'UNSUPPORTED'), upload, 'unauthorized'],
    ['a media type that is not supported', coded(400, 'UNSUPPORTED'), write, 'invalid'],
    ['409 on a read', { status: 409 }, read, 'failed'],
    ['413', { status: 413 }, write, 'invalid'],
    ['415', { status: 415 }, write, 'invalid'],
    ['429', { status: 429 }, read, 'rate-limited'],
    ['408', { status: 408 }, read, 'unavailable'],
    ['500', { status: 500 }, read, 'unavailable'],
    ['501', { status: 501 }, read, 'failed'],
    ['503', { status: 503 }, read, 'unavailable'],
    ['522', { status: 522 }, read, 'unavailable'],
    ['400 with nothing', { status: 400 }, write, 'failed'],
    ['ECR: no repository', coded(404, 'NAME_UNKNOWN'), write, 'not-found'],
    ['ECR: immutable tag', coded(400, 'TAG_INVALID', 'the tag is immutable'), write, 'conflict'],
    ['the tag is not that of the document', coded(400, 'TAG_INVALID'), write, 'invalid'],
    [
      'Quay: a tag that has expired, and no login',
      coded(404, 'TAG_EXPIRED', 'Tag 1.2 was deleted or has expired'),
      read,
      'not-found',
    ],
    ['Quay: immutable tag', coded(409, 'TAG_IMMUTABLE'), write, 'conflict'],
    ['Harbor: immutable tag', coded(412, 'PRECONDITION'), write, 'conflict'],
    [
      'Artifact Registry: immutable tag',
      coded(400, 'MANIFEST_INVALID', 'The repository has enabled tag immutability'),
      write,
      'conflict',
    ],
    ['a child is missing', coded(400, 'MANIFEST_BLOB_UNKNOWN'), write, 'invalid'],
    ['ECR: digest mismatch', coded(400, 'MANIFEST_INVALID'), write, 'invalid'],
    ['ECR: no mediaType', coded(400, 'UNSUPPORTED', 'Invalid JSON syntax'), write, 'invalid'],
    ['ECR Public: denied with 400', coded(400, 'DENIED'), read, 'unauthorized'],
    ['throttled with 400', coded(400, 'TOOMANYREQUESTS'), read, 'rate-limited'],
    ['ECR: throttled', coded(400, 'ThrottlingException'), read, 'rate-limited'],
    ['unavailable with 400', coded(400, 'UNAVAILABLE'), read, 'unavailable'],
    ['distribution: bad upload', coded(400, 'DIGEST_INVALID'), upload, 'invalid'],
    ...[
      'NAME_UNKNOWN',
      'UNSUPPORTED',
      'MANIFEST_INVALID',
      'MANIFEST_UNKNOWN',
      'UNAVAILABLE',
      'TAG_INVALID',
    ].flatMap((code): [string, Answer, Operation, ErrorKind][] => [
      [`403 with ${code} on a write`, coded(403, code), write, 'unauthorized'],
      [`403 with ${code} on a read`, coded(403, code), read, 'unauthorized'],
      [`403 with ${code} on an upload`, coded(403, code), upload, 'unauthorized'],
    ]),
    ['403 that limits the rate', coded(403, 'TOOMANYREQUESTS'), read, 'rate-limited'],
    ['403 for an immutable tag', coded(403, 'DENIED', 'the tag is immutable'), write, 'conflict'],
    ['413 on a blob', { status: 413 }, upload, 'failed'],
    ['413 with a quota', { ...coded(413, 'X', 'quota exceeded'), method: 'PUT' }, upload, 'failed'],
    [
      'a quota of requests',
      { ...coded(429, 'UNKNOWN', 'Quota exceeded'), method: 'PUT' },
      upload,
      'rate-limited',
    ],
    ['UNKNOWN says nothing, 500 does', coded(500, 'UNKNOWN'), read, 'unavailable'],
  ])('%s', async (_what, response, operation, kind) => {
    expect((await errorFor(response, operation)).kind).toBe(kind);
  });
});

describe('the message', () => {
  it("is docker's for a manifest that does not exist, with the registry's text in the hint", async () => {
    const error = await errorFor(coded(404, 'MANIFEST_UNKNOWN', 'manifest unknown'));
    expect(error.message).toBe('no such manifest: registry.example.com/team/app:1.2');
    expect(error.hint).toContain('MANIFEST_UNKNOWN: manifest unknown');
  });

  it('names the operation, the registry and its text', async () => {
    const error = await errorFor(coded(400, 'MANIFEST_INVALID', 'manifest invalid', 'bad field'), write);
    expect(error.message).toBe(
      'cannot write registry.example.com/team/app:1.2: registry.example.com responded with 400 Bad Request: ' +
        'MANIFEST_INVALID: manifest invalid; bad field',
    );
    expect(error.exchange).toEqual({
      method: 'GET',
      url: 'https://registry.example.com/v2/app/x',
      status: 400,
      errors: [{ code: 'MANIFEST_INVALID', message: 'manifest invalid', detail: 'bad field' }],
    });
  });

  it.each<[string, Answer]>([
    [
      'ECR',
      coded(
        400,
        'MANIFEST_BLOB_UNKNOWN',
        `Images with digests '[${digest}]' required for pushing image do not exist`,
      ),
    ],
    ['distribution', coded(400, 'MANIFEST_BLOB_UNKNOWN', 'blob unknown to registry', { digest })],
    ['distribution 2', coded(404, 'MANIFEST_BLOB_UNKNOWN', 'blob unknown to registry', digest)],
  ])('names the children that %s does not have', async (_registry, answer) => {
    const error = await errorFor(answer, write);
    expect(error.message).toContain(`missing from registry.example.com/team/app: ${digest} (`);
    expect(error.hint).toContain('first');
  });

  it.each(['manifest', 'blob'] as const)('says that a registry may not support sha512: %s', async (what) => {
    const name = `registry.example.com/team/app@sha512:${'a'.repeat(128)}`;
    const answer = coded(400, 'DIGEST_INVALID', 'provided digest did not match uploaded content');
    expect((await errorFor(answer, { ...write, what, name })).hint).toContain('does not support sha512');
    expect((await errorFor(answer, { ...write, what })).hint ?? '').not.toContain('sha512');
  });

  it('has the status alone after HEAD', async () => {
    const error = await errorFor({ status: 503, method: 'HEAD', body: 'not read' });
    expect(error.message).toMatch(/responded with 503 Service Unavailable$/);
  });

  it('has the text of an HTML page, not its markup', async () => {
    const body =
      '<!DOCTYPE html><html><head><title>x</title></head><body><h1>Blocked</h1> by policy</body></html>';
    const error = await errorFor({ status: 403, body });
    expect(error.message).toMatch(/403 Forbidden: Blocked by policy$/);
  });

  it('keeps control characters from the terminal, in code, message and detail', async () => {
    const error = await errorFor(
      coded(400, 'A\u001b[31mB', 'line\r\nline\u0007\u202E', { a: ['\u009b31m'], 'k\u0000': 1 }),
      write,
    );
    expect(error.message).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(error.message).toContain('A [31mB: line line');
    expect(error.exchange?.errors[0]?.detail).toEqual({ a: ['31m'], k: 1 });
  });

  it('reads no more than 64 KiB of a body that does not end', async () => {
    let size = 0;
    const response = fakeResponse({ status: 500 });
    const endless = (async function* () {
      for (;;) {
        size += 16_384;
        yield await Promise.resolve(Buffer.alloc(16_384, 'x'));
      }
    })();
    const rejection = await readErrorResponse(
      {
        ...response,
        body: Readable.from(endless),
      },
      write,
    );
    expect(rejection.body.text.length).toBeLessThan(500);
    expect(size).toBeLessThan(1 << 20);
  });

  it.each([
    ['not JSON', '{"errors":'],
    ['errors of no list', '{"errors":{"code":"X"}}'],
    ['a list of no errors', '{"errors":[1,null,[],{}]}'],
    ['a list', '[1]'],
    ['null', 'null'],
    ['very deep', `{"errors":[{"code":"X","detail":${'['.repeat(20_000)}${']'.repeat(20_000)}}]}`],
  ])('survives a body that is %s', async (_what, body) => {
    expect((await errorFor({ status: 400, body }, write)).message).toContain(
      'responded with 400 Bad Request',
    );
  });
});

describe('the hint', () => {
  it.each<[string, Answer, Operation, string]>([
    ['of 401', { status: 401 }, read, 'multiarch login registry.example.com'],
    ['of 403 on push', { status: 403 }, write, 'may push to registry.example.com/team/app'],
    [
      'of an expired login (ECR, 403)',
      { status: 403, body: 'Your authorization token has expired.' },
      read,
      'log in again',
    ],
    ['of an immutable tag', coded(400, 'TAG_INVALID', 'is immutable'), write, 'publish under another tag'],
    ['of a tag that is rejected', coded(400, 'TAG_INVALID'), write, 'does not accept this tag'],
    ['of trouble', { status: 503 }, read, 'try again later.'],
    ['of trouble for long', { status: 503, headers: { 'retry-after': '21600' } }, read, 'try again in 6 h.'],
    ['of no repository on pull', coded(404, 'NAME_UNKNOWN'), read, 'has no repository'],
    ['of no tag', coded(404, 'MANIFEST_UNKNOWN'), read, 'no such tag'],
    ['of no repository on push', coded(404, 'NAME_UNKNOWN'), write, 'Create the repository'],
    ['of 415', { status: 415 }, write, '--format'],
    ...[
      [
        'application/vnd.docker.distribution.manifest.list.v2+json',
        'multiarch create --format oci. zot accepts',
      ],
      ['application/vnd.docker.distribution.manifest.v2+json', 'skopeo copy --format oci'],
      ['application/vnd.oci.image.index.v1+json', 'multiarch create --format docker.'],
      ['application/vnd.oci.image.manifest.v1+json', 'skopeo copy --format v2s2'],
    ].flatMap(([mediaType = '', hint = '']): [string, Answer, Operation, string][] => [
      [`of 415 for ${mediaType}`, { status: 415 }, { ...write, mediaType }, hint],
      [`of UNSUPPORTED for ${mediaType}`, coded(400, 'UNSUPPORTED'), { ...write, mediaType }, mediaType],
    ]),
    [
      'of 413 on a manifest',
      { status: 413, headers: { server: 'openresty' } },
      { ...write, sentBytes: 2_000_000 },
      'registry.example.com, or a proxy in front of it, does not accept a request of 2000000 bytes. Registries should accept manifests of 4 MiB: raise the limit (client_max_body_size in nginx).',
    ],
    [
      'of 413 on a blob',
      { status: 413, body: '<html><center>cloudflare</center></html>' },
      { ...upload, sentBytes: 120_000_000 },
      'does not accept a request of 120000000 bytes: raise the limit (Cloudflare limits requests to 100 MB on most plans), or send smaller requests with --chunk-size.',
    ],
    ['of 413 by an unknown proxy', { status: 413 }, upload, 'maxRequestBodyBytes in Traefik'],
    ...[
      coded(413, 'DENIED', 'Quota exceeded when processing the request of adding 2 MiB'),
      coded(
        403,
        'DENIED',
        'adding 2.0 MiB of storage resource, which when updated to current usage of 9.0 MiB will exceed the configured upper limit of 10.0 MiB.',
      ),
      coded(
        403,
        'DENIED',
        'Your action has been rejected because the namespace storage limit has been reached.',
      ),
      coded(412, 'PRECONDITION', 'Quota exceeded'),
      { status: 507 },
    ].map((answer): [string, Answer, Operation, string] => [
      `of a quota: ${answer.status} ${String(answer.body)}`,
      { ...answer, method: 'PUT' },
      upload,
      'The storage for registry.example.com/team/app is used up',
    ]),
    [
      'of a token without the scope',
      {
        status: 401,
        headers: {
          'www-authenticate':
            'Bearer realm="https://a/t",error="insufficient_scope",scope="repository:team/app:pull,push"',
        },
      },
      write,
      'The token does not grant repository:team/app:pull,push, because the account lacks it: check that the account may push to registry.example.com/team/app',
    ],
    [
      'of a token without the scope, which the registry does not name',
      { status: 403, headers: INSUFFICIENT },
      read,
      'The token does not grant repository:team/app:pull,',
    ],
    ...[401, 403].map((status): [string, Answer, Operation, string] => [
      `of ${status} without a login, whatever the scope`,
      { status, headers: INSUFFICIENT, isAnonymous: true },
      read,
      'Log in with "multiarch login registry.example.com"; if',
    ]),
    [
      'of a rate limit',
      { status: 429, headers: { 'retry-after': '120', 'ratelimit-limit': '100;w=21600' } },
      read,
      'in 2 min; a login (multiarch login registry.example.com) may have a higher limit. The limit is 100 requests in 6 h.',
    ],
  ])('%s', async (_what, response, operation, hint) => {
    expect((await errorFor(response, operation)).hint).toContain(hint);
  });

  it.each([
    [
      'of layers that may not be distributed, and that the registry wants',
      [digest],
      /validation\.manifests\.urls/,
    ],
    ['of such layers and another', [], /^Copy its children first\.$/],
  ])('%s', async (_what, skippedLayers, hint) => {
    const answer = coded(500, 'MANIFEST_BLOB_UNKNOWN', 'blob unknown to registry', digest);
    const error = await errorFor(answer, { ...write, skippedLayers: new Set(skippedLayers) });
    expect(error.hint).toMatch(hint);
  });

  it('names the command that makes a repository in Amazon ECR', async () => {
    const ecr = parseReference('123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app');
    const answer = { ...coded(404, 'NAME_UNKNOWN'), url: `https://${ecr.registry}/v2/team/app/x` };
    const error = await errorFor(answer, manifestOperation('write', ecr, '1' as Tag));
    expect(error.hint).toContain('aws ecr create-repository --repository-name team/app');
  });
});

describeVectors('error bodies of other clients', () => {
  interface Row {
    readonly name?: string;
    readonly status: number;
    readonly header?: string;
    readonly body: string;
    readonly message: string;
    readonly request?: string | null;
  }
  const { error_bodies: rows } = vectorJson<{ error_bodies: Row[] }>('challenges.json');

  /** For each row, the kind of our error and a part of its message. The other clients' sentences are their own. */
  const expectations: Record<string, readonly [ErrorKind, ...(readonly string[])]> = {
    'unauthorized: The access token expired': [
      'unauthorized',
      '401 Unauthorized',
      'The access token expired',
    ],
    'denied: Insufficient permission': ['unauthorized', 'Insufficient permission'],
    'authentication required': ['unauthorized', '401 Unauthorized', 'invalid_token'],
    'unknown: some unknown error': ['unauthorized', 'some unknown error'],
    'unexpected status code 400 Bad Request': ['failed', '400 Bad Request'],
    'HEAD https://example.com/somepath: unexpected status code 401 Unauthorized (HEAD responses have no body, use GET for details)':
      ['unauthorized', '401 Unauthorized'],
    'NAME_INVALID: a message for you': ['invalid', 'NAME_INVALID: a message for you'],
    'unexpected status code 400 Bad Request: {"StatusCode":400}': [
      'failed',
      '400 Bad Request: {"StatusCode":400}',
    ],
    'multiple errors returned: NAME_INVALID: a message for you; SIZE_INVALID: another message for you; with some details':
      [
        'invalid',
        'NAME_INVALID: a message for you; SIZE_INVALID: another message for you; with some details',
      ],
  };

  it.each(rows)('$status $name: $message', async ({ status, header, body, message, request }) => {
    const expected = expectations[message];
    if (expected === undefined) throw new Error(`a new row that nothing is expected of: ${message}`);
    const [kind, ...facts] = expected;
    const error = await errorFor(
      {
        status,
        body,
        method: request?.startsWith('HEAD') === true ? 'HEAD' : 'GET',
        ...(header === undefined ? {} : { headers: { 'www-authenticate': header } }),
      },
      write,
    );
    expect(error.kind).toBe(kind);
    for (const fact of facts) expect(error.message).toContain(fact);
  });
});

describeVectors('which errors are temporary', () => {
  type Row = { readonly codes: readonly string[]; readonly retry: boolean };
  const { temporary_errors: rows } = vectorJson<{ temporary_errors: Row[] }>('challenges.json');

  it.each(rows)('$codes: $retry', ({ codes, retry }) => {
    expect(isTransient(codes.map((code) => ({ code, message: '' })))).toBe(retry);
  });
});

describe('the hint for a response', () => {
  it.each<[what: string, Answer, Operation, hint: RegExp]>([
    ['of a read-only registry', coded(405, 'UNSUPPORTED'), write, /may be read-only, or a cache/],
    ['of a read-only registry to a blob', coded(405, 'UNSUPPORTED'), upload, /may be read-only, or a cache/],
    ['to a read with 405', { status: 405 }, read, /^Check the address registry\.example\.com/],
    ['about a lost session', { status: 404, method: 'PUT' }, upload, /does not know the upload session/],
    [
      'about a session of another size',
      { status: 416, method: 'PUT' },
      upload,
      /does not know the upload session/,
    ],
    ['to a new session with 404', { status: 404, method: 'POST' }, upload, /^Check that the repository/],
    ['with 413 and a code', { ...coded(413, 'SIZE_INVALID'), method: 'PUT' }, upload, /raise the limit/],
    ['with 200 where none is expected', { status: 200, body: '<html>' }, upload, /a login page/],
  ])('%s', async (_what, answer, operation, hint) => {
    const error = await errorFor(answer, operation);
    expect(error.hint).toMatch(hint);
    expect(error.hint).not.toContain('--format');
  });

  it.each([401, 403, 404, 405, 416])('of another host with %i is about that host', async (status) => {
    const url = 'https://storage.example.net/upload';
    for (const operation of [read, write, upload, download]) {
      const error = await errorFor(
        { status, url, method: operation.verb === 'read' ? 'GET' : 'PUT' },
        operation,
      );
      expect(error.hint).toBe(
        'The response is from storage.example.net, to which registry.example.com redirects: check the storage settings of the registry.',
      );
    }
  });
});
