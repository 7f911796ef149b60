import { describe, expect, it } from 'vitest';

import type { WorkEvent } from '../../../src/content/events.js';
import {
  FailedError,
  InvalidError,
  UnauthorizedError,
  UnavailableError,
  type MultiarchError,
} from '../../../src/oci/errors.js';
import { failureOf } from '../../support/failure.js';
import { generatedBlob, generatedSource } from '../../support/generated-source.js';
import type { MemoryRegistryOptions } from '../../support/memory-registry.js';
import { connect, startRegistry } from '../../support/open-repository.js';
import { failure, type Answer, type LoggedRequest } from '../../support/fake-server.js';

const KIBIBYTE = 1 << 10;
const blob = generatedBlob(250 * KIBIBYTE);
const TOO_LARGE: Answer = {
  status: 413,
  headers: { server: 'nginx/1.27.1' },
  body: '<html><head><title>413 Request Entity Too Large</title></head><h1>413 Request Entity Too Large</h1></html>',
};

interface SetUp extends MemoryRegistryOptions {
  readonly chunkSize?: number;
  readonly size?: number;
  readonly retries?: number;
}

/** A registry, and the copy of a blob to it. */
async function start({ chunkSize, size = blob.size, retries, ...options }: SetUp) {
  const registry = await startRegistry({ uploadStatus: true, ...options });
  const waits: number[] = [];
  const events: WorkEvent[] = [];
  let sent = 0;
  const source = generatedSource();
  const descriptor = generatedBlob(size);
  const copy = () =>
    connect(registry.host, {
      waits,
      chunkSize,
      ...(retries !== undefined && { retries }),
      onEvent: (event) => events.push(event),
    })('app').copyBlob(descriptor, source, { onBytes: (bytes) => (sent += bytes) });
  const warnings = () => events.flatMap((event) => (event.kind === 'warning' ? [event.message] : []));
  const retried = () => events.filter(({ kind }) => kind === 'upload-retried').length;
  return { registry, copy, source, waits, warnings, retried, descriptor, sent: () => sent };
}

/** `PATCH 0-102399`, `PUT` for a request without a body, `PUT 256000` for a whole one. */
function uploads(requests: readonly LoggedRequest[]): string[] {
  return requests
    .filter(({ method }) => method === 'PATCH' || method === 'PUT')
    .map(({ method, headers }) => {
      const length = headers['content-length'] ?? '';
      return `${method} ${headers['content-range'] ?? length}`.replace(/ 0$/, '');
    });
}

/** Rejects requests with larger bodies, as a proxy does. */
function limit(bytes: number, answer: Answer = TOO_LARGE): NonNullable<MemoryRegistryOptions['fault']> {
  return (request, next) => (Number(request.headers['content-length'] ?? 0) > bytes ? answer : next());
}

/** Adds headers to the response that opens a session. */
function opening(headers: Record<string, string>): NonNullable<MemoryRegistryOptions['fault']> {
  return async ({ method }, next) => {
    const answer = await next();
    return method === 'POST' ? { ...answer, headers: { ...answer.headers, ...headers } } : answer;
  };
}

const IN_CHUNKS = ['PATCH 0-102399', 'PATCH 102400-204799', 'PATCH 204800-255999', 'PUT'];

describe('an upload in chunks', () => {
  it('sends the chunks in order and closes the session, with one read of the source', async () => {
    const { registry, copy, source, sent } = await start({ chunkSize: 100 * KIBIBYTE });
    expect(await copy()).toBe('copied');
    expect(uploads(registry.requests)).toEqual(IN_CHUNKS);
    expect(registry.hasBlob('app', blob.digest)).toBe(true);
    expect(registry.openSessions).toBe(0);
    expect(source.opened).toBe(1);
    expect(sent()).toBe(blob.size);
  });

  it.each([1, 8, 9, 10, 11])('cuts a blob of 10 bytes into chunks of %i', async (chunkSize) => {
    const { registry, copy, descriptor } = await start({ chunkSize, size: 10 });
    await copy();
    const patches = chunkSize < 10 ? Math.ceil(10 / chunkSize) : 0;
    expect(uploads(registry.requests)).toHaveLength(patches + 1);
    expect(registry.blob('app', descriptor.digest)).toHaveLength(10);
  });

  it('uploads an empty blob in one request', async () => {
    const { registry, copy, descriptor } = await start({ chunkSize: 1, size: 0 });
    await copy();
    expect(uploads(registry.requests)).toEqual(['PUT']);
    expect(registry.hasBlob('app', descriptor.digest)).toBe(true);
  });

  it.each<[string, Record<string, string>, number | undefined, string[]]>([
    ['a maximum', { 'oci-chunk-max-length': '102400' }, undefined, IN_CHUNKS],
    ['a maximum below the chosen size', { 'oci-chunk-max-length': '102400' }, 200 * KIBIBYTE, IN_CHUNKS],
    ['a maximum above the chosen size', { 'oci-chunk-max-length': '999999' }, 100 * KIBIBYTE, IN_CHUNKS],
    ['a minimum above the chosen size', { 'oci-chunk-min-length': '102400' }, 10 * KIBIBYTE, IN_CHUNKS],
    [
      'a minimum above its maximum',
      { 'oci-chunk-min-length': '200000', 'oci-chunk-max-length': '102400' },
      1,
      IN_CHUNKS,
    ],
    ['a minimum above the blob', { 'oci-chunk-min-length': '5242880' }, 100 * KIBIBYTE, ['PUT 256000']],
    ['a minimum alone', { 'oci-chunk-min-length': '100' }, undefined, ['PUT 256000']],
    ['a maximum above the blob', { 'oci-chunk-max-length': '256000' }, undefined, ['PUT 256000']],
    [
      'no number',
      { 'oci-chunk-max-length': 'many', 'oci-chunk-min-length': '-1' },
      100 * KIBIBYTE,
      IN_CHUNKS,
    ],
    ['zero', { 'oci-chunk-max-length': '0' }, undefined, ['PUT 256000']],
  ])('follows %s of the registry', async (_what, headers, chunkSize, requests) => {
    const { registry, copy } = await start({ fault: opening(headers), ...(chunkSize && { chunkSize }) });
    expect(await copy()).toBe('copied');
    expect(uploads(registry.requests)).toEqual(requests);
    expect(registry.hasBlob('app', blob.digest)).toBe(true);
  });

  it('says once that the registry requires larger chunks', async () => {
    const { copy, warnings, registry } = await start({
      chunkSize: 10 * KIBIBYTE,
      fault: opening({ 'oci-chunk-min-length': '102400' }),
    });
    await copy();
    expect(warnings()).toEqual([
      `${registry.host} accepts chunks of 102400 bytes and more: they are larger than the chosen 10240 bytes`,
    ]);
  });

  it('follows the Location of each response', async () => {
    let number = 0;
    const paths: string[] = [];
    const { registry, copy } = await start({
      chunkSize: 100 * KIBIBYTE,
      fault: async ({ method, path }, next) => {
        if (method === 'PATCH' || method === 'PUT') paths.push(/step=\d+/.exec(path)?.[0] ?? '');
        const answer = await next();
        const { location } = answer.headers ?? {};
        if (method === 'PUT' || typeof location !== 'string') return answer;
        return { ...answer, headers: { ...answer.headers, location: `${location}&step=${(number += 1)}` } };
      },
    });
    await copy();
    expect(paths).toEqual(['step=1', 'step=2', 'step=3', 'step=4']);
    expect(registry.hasBlob('app', blob.digest)).toBe(true);
  });

  it('goes on from what the registry says it received', async () => {
    let patches = 0;
    const { registry, copy, sent } = await start({
      chunkSize: 100 * KIBIBYTE,
      fault: async ({ method }, next) => {
        if (method !== 'PATCH' || (patches += 1) !== 2) return next();
        await next();
        // The registry kept half of the second chunk.
        registry.truncateSessions(150 * KIBIBYTE);
        const location = registry.requests.at(-1)?.path ?? '';
        return { status: 202, headers: { location, range: `0-${150 * KIBIBYTE - 1}` } };
      },
    });
    await copy();
    expect(uploads(registry.requests)).toEqual([
      'PATCH 0-102399',
      'PATCH 102400-204799',
      'PATCH 153600-255999',
      'PUT',
    ]);
    expect(registry.hasBlob('app', blob.digest)).toBe(true);
    expect(sent()).toBe(blob.size);
  });

  it('is complete if the last chunk completes the blob (Amazon ECR)', async () => {
    const { registry, copy } = await start({
      chunkSize: 200 * KIBIBYTE,
      fault: async ({ method, headers }, next) => {
        const answer = await next();
        if (method !== 'PATCH' || !headers['content-range']?.endsWith('-255999')) return answer;
        registry.putBlob('app', await bytesOf(blob.size));
        return { ...answer, status: 201 };
      },
    });
    await copy();
    expect(uploads(registry.requests)).toEqual(['PATCH 0-204799', 'PATCH 204800-255999']);
  });

  it('does not store what the source did not verify', async () => {
    const elsewhere = await startRegistry({
      fault: ({ method }, next) => (method === 'GET' ? { body: Buffer.alloc(blob.size) } : next()),
    });
    const registry = await startRegistry();
    const source = connect(elsewhere.host)('base', 'pull');
    const copy = connect(registry.host, { chunkSize: 100 * KIBIBYTE })('app').copyBlob(blob, source);
    expect(await failureOf(copy)).toBeInstanceOf(InvalidError);
    // The damage is found when the end of the blob arrives, before that end is sent.
    expect(uploads(registry.requests).filter((line) => !line.startsWith('PATCH'))).toEqual([]);
    expect(registry.hasBlob('app', blob.digest)).toBe(false);
    expect(registry.openSessions).toBe(0);
  });
});

describe('a chunk that fails', () => {
  const second = (answer: Answer, times = 1): NonNullable<MemoryRegistryOptions['fault']> => {
    let left = times;
    return (request, next) => {
      const isSecond = request.method === 'PATCH' && request.headers['content-range']?.startsWith('102400-');
      return isSecond === true && (left -= 1) >= 0 ? answer : next();
    };
  };

  it.each<[string, Answer]>([
    ['503', { status: 503 }],
    ['429', { status: 429 }],
    ['416', { status: 416 }],
    ['a broken connection', { fault: 'reset' }],
  ])('is sent again from the offset of the session after %s', async (_what, answer) => {
    const { registry, copy, waits, sent, retried } = await start({
      chunkSize: 100 * KIBIBYTE,
      fault: second(answer),
    });
    await copy();
    expect(uploads(registry.requests)).toEqual([
      'PATCH 0-102399',
      'PATCH 102400-204799',
      'PATCH 102400-204799',
      'PATCH 204800-255999',
      'PUT',
    ]);
    expect(registry.requests.filter(({ method }) => method === 'GET')).toHaveLength(1);
    expect(registry.hasBlob('app', blob.digest)).toBe(true);
    expect([waits, retried(), sent()]).toEqual([[625], 1, blob.size]);
  });

  it('starts a new session if the registry does not say what it has', async () => {
    const { registry, copy, sent } = await start({
      chunkSize: 100 * KIBIBYTE,
      uploadStatus: false,
      fault: second({ status: 503 }),
    });
    await copy();
    expect(uploads(registry.requests)).toEqual(['PATCH 0-102399', 'PATCH 102400-204799', ...IN_CHUNKS]);
    expect(registry.openSessions).toBe(0);
    expect(sent()).toBe(blob.size);
  });

  it('starts a new session if the session is lost', async () => {
    const { registry, copy } = await start({
      chunkSize: 100 * KIBIBYTE,
      fault: second(failure(404, 'BLOB_UPLOAD_UNKNOWN', 'blob upload unknown to registry')),
    });
    await copy();
    expect(uploads(registry.requests)).toEqual(['PATCH 0-102399', 'PATCH 102400-204799', ...IN_CHUNKS]);
  });

  it('has the tries of one request', async () => {
    const { registry, copy } = await start({
      chunkSize: 100 * KIBIBYTE,
      retries: 1,
      fault: ({ method }, next) =>
        method === 'PATCH' &&
        registry.requests.filter((request) => request.method === 'PATCH').length % 2 === 1
          ? { status: 503 }
          : next(),
    });
    await copy();
    expect(uploads(registry.requests)).toHaveLength(7);
  });

  it('ends the upload after the last try', async () => {
    const { registry, copy, sent } = await start({
      chunkSize: 100 * KIBIBYTE,
      fault: second({ status: 503 }, Infinity),
    });
    expect(await failureOf(copy())).toBeInstanceOf(UnavailableError);
    expect(uploads(registry.requests)).toHaveLength(4);
    expect([registry.openSessions, sent()]).toEqual([0, 0]);
  });

  it('ends the upload after the last try of a chunk whose session is lost each time', async () => {
    const { registry, copy, retried } = await start({
      chunkSize: 100 * KIBIBYTE,
      retries: 2,
      fault: ({ method, headers }, next) =>
        method === 'PATCH' && headers['content-range'] === '102400-204799'
          ? failure(404, 'BLOB_UPLOAD_UNKNOWN', 'blob upload unknown to registry')
          : next(),
    });
    await failureOf(copy());
    expect(retried()).toBe(2);
    expect(registry.openSessions).toBe(0);
  });

  it('ends the upload if access is denied', async () => {
    const { registry, copy } = await start({
      chunkSize: 100 * KIBIBYTE,
      fault: second(failure(403, 'DENIED', 'no'), Infinity),
    });
    expect(await failureOf(copy())).toBeInstanceOf(UnauthorizedError);
    expect(uploads(registry.requests)).toHaveLength(2);
  });

  it.each<[string, Answer]>([
    ['404', { status: 404 }],
    ['405', failure(405, 'UNSUPPORTED', 'The operation is unsupported.')],
    ['400', failure(400, 'BLOB_UPLOAD_INVALID_CHUNK', 'layer part too small')],
    ['501', { status: 501 }],
    ['411', { status: 411 }],
  ])('is followed by the whole blob if the registry rejects chunks with %s', async (_what, answer) => {
    const { registry, copy, warnings, sent } = await start({
      chunkSize: 100 * KIBIBYTE,
      fault: ({ method }, next) => (method === 'PATCH' ? answer : next()),
    });
    expect(await copy()).toBe('copied');
    expect(uploads(registry.requests)).toEqual(['PATCH 0-102399', 'PUT 256000']);
    expect(warnings()).toEqual([`${registry.host} does not accept blobs in chunks: they are sent whole`]);
    expect([registry.openSessions, sent()]).toEqual([0, blob.size]);
  });

  it('is followed by the whole blob if the registry rejects what the chunks make', async () => {
    const { registry, copy } = await start({
      chunkSize: 100 * KIBIBYTE,
      fault: ({ method, headers }, next) =>
        method === 'PUT' && headers['content-length'] === '0'
          ? failure(400, 'DIGEST_INVALID', 'provided digest did not match uploaded content')
          : next(),
    });
    expect(await copy()).toBe('copied');
    expect(uploads(registry.requests)).toEqual([...IN_CHUNKS, 'PUT 256000']);
  });
});

describe('a request that is too large', () => {
  it.each([200, 100, 32, 10, 1])('is cut into chunks below a limit of %i KiB', async (kibibytes) => {
    const { registry, copy, warnings, waits, sent } = await start({ fault: limit(kibibytes * KIBIBYTE) });
    expect(await copy()).toBe('copied');
    expect(registry.blob('app', blob.digest)).toHaveLength(blob.size);
    expect(uploads(registry.requests).filter((line) => line === 'PUT 256000')).toHaveLength(1);
    expect(warnings()).toEqual([
      expect.stringMatching(
        /rejects requests of \d+ bytes \(413\): larger blobs are sent in chunks of \d+ bytes/,
      ),
    ]);
    expect([registry.openSessions, sent(), waits]).toEqual([0, blob.size, []]);
  });

  it('is not sent again for the next blob', async () => {
    const registry = await startRegistry({ fault: limit(100 * KIBIBYTE) });
    const repository = connect(registry.host)('app');
    await repository.copyBlob(blob, generatedSource());
    registry.clearLog();
    await repository.copyBlob(generatedBlob(240 * KIBIBYTE), generatedSource());
    expect(registry.requests.map(({ status }) => status)).not.toContain(413);
  });

  it('begins with chunks of 8 MiB', async () => {
    const { registry, copy } = await start({ fault: limit(10 << 20), size: 20 << 20, keepBlobs: false });
    await copy();
    expect(uploads(registry.requests)[1]).toBe(`PATCH 0-${(8 << 20) - 1}`);
  });

  it('goes on in the session if a later chunk meets another limit', async () => {
    const { registry, copy } = await start({
      chunkSize: 100 * KIBIBYTE,
      fault: ({ method, headers }, next) =>
        method === 'PATCH' && headers['content-range']?.startsWith('102400-204799') === true
          ? TOO_LARGE
          : next(),
    });
    await copy();
    expect(uploads(registry.requests).slice(0, 3)).toEqual([
      'PATCH 0-102399',
      'PATCH 102400-204799',
      'PATCH 102400-118783',
    ]);
    expect(registry.hasBlob('app', blob.digest)).toBe(true);
  });

  it('ends the upload if no size is accepted, and says what limit was met', async () => {
    const { registry, copy, sent } = await start({ fault: limit(0) });
    const error = await failureOf<MultiarchError>(copy());
    expect(error).toBeInstanceOf(FailedError);
    expect(error.message).toContain(`${registry.host} responded with 413`);
    expect(error.hint).toMatch(
      /does not accept a request of \d+ bytes: raise the limit \(client_max_body_size in nginx\)/,
    );
    expect(uploads(registry.requests).filter((line) => line.startsWith('PUT'))).toEqual(['PUT 256000']);
    expect([registry.openSessions, sent()]).toEqual([0, 0]);
  });

  it('ends the upload if chunks are rejected', async () => {
    const { registry, copy } = await start({
      fault: ({ method, headers }, next) =>
        method === 'PATCH' ? { status: 405 } : limit(1)({ method, headers } as LoggedRequest, next),
    });
    const error = await failureOf<MultiarchError>(copy());
    expect(error.message).toMatch(/responded with 413 .*; and with 405 to a chunk of it$/);
    expect(error.hint).toContain('does not accept a request of 256000 bytes');
    expect(uploads(registry.requests)).toEqual(['PUT 256000', 'PATCH 0-131071']);
  });

  it('ends the upload if the registry requires larger chunks', async () => {
    const { registry, copy } = await start({
      fault: async (request, next) =>
        opening({ 'oci-chunk-min-length': '256000' })(request, async () => limit(1000)(request, next)),
    });
    expect((await failureOf<MultiarchError>(copy())).message).toContain('413');
    expect(uploads(registry.requests)).toEqual(['PUT 256000']);
  });

  it('is not repeated in chunks if a quota is exceeded', async () => {
    const answer = failure(413, 'DENIED', 'Quota exceeded: 10 GiB of 10 GiB used');
    const { registry, copy } = await start({
      fault: ({ method }, next) => (method === 'PUT' ? answer : next()),
    });
    const error = await failureOf<MultiarchError>(copy());
    expect(error.hint).toContain('storage');
    expect(uploads(registry.requests)).toEqual(['PUT 256000']);
  });
});

async function bytesOf(size: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of await generatedSource().openBlob(generatedBlob(size)))
    chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
