import { Readable } from 'node:stream';

import { describe, expect, it } from 'vitest';

import {
  CancelledError,
  FailedError,
  InvalidError,
  NotFoundError,
  UnavailableError,
} from '../../../src/oci/errors.js';
import { parseReference } from '../../../src/oci/reference.js';
import { failureOf } from '../../support/failure.js';
import { generatedBlob, generatedSource } from '../../support/generated-source.js';
import { connect, startRegistry } from '../../support/open-repository.js';
import { failure, type Answer, type LoggedRequest } from '../../support/fake-server.js';

const blob = generatedBlob(200_000);
const short = blob.digest.slice(0, 15);
const session = '/v2/app/blobs/uploads/<id>?_state=a%2Fb%3D%3D';

const auth = { kind: 'bearer', username: 'me', password: 'secret' } as const;
const credential = { kind: 'basic', username: 'me', password: 'secret' } as const;

function onMethod(method: string, to: (next: () => Promise<Answer>) => Answer | Promise<Answer>) {
  return (request: LoggedRequest, next: () => Promise<Answer>): Answer | Promise<Answer> =>
    request.method === method ? to(next) : next();
}

/** The bytes of a generated blob. */
async function bytesOf(size: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of await generatedSource().openBlob(generatedBlob(size)))
    chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

describe('copyBlob', () => {
  it('does nothing if the blob exists', async () => {
    const registry = await startRegistry();
    registry.putBlob('app', await bytesOf(blob.size));
    const source = generatedSource();
    expect(await connect(registry.host)('app').copyBlob(blob, source)).toBe('present');
    expect(registry.lines()).toEqual([`HEAD /v2/app/blobs/${short} 200`]);
    expect(source.opened).toBe(0);
  });

  it('uploads in one piece, with the state of the session as the registry wrote it', async () => {
    const registry = await startRegistry();
    expect(await connect(registry.host)('app').copyBlob(blob, generatedSource())).toBe('copied');
    expect(registry.blob('app', blob.digest)?.equals(await bytesOf(blob.size))).toBe(true);
    expect(registry.lines()).toEqual([
      `HEAD /v2/app/blobs/${short} 404`,
      'POST /v2/app/blobs/uploads/ 202',
      `PUT ${session}&digest=${short} 201`,
    ]);
    expect(registry.requests[2]?.headers).toMatchObject({
      'content-length': String(blob.size),
      'content-type': 'application/octet-stream',
    });
  });

  it('uploads an empty blob', async () => {
    const registry = await startRegistry();
    const empty = generatedBlob(0);
    expect(await connect(registry.host)('app').copyBlob(empty, generatedSource())).toBe('copied');
    expect(registry.hasBlob('app', empty.digest)).toBe(true);
  });

  it('mounts from a repository of the same registry', async () => {
    const registry = await startRegistry();
    registry.putBlob('base/image', await bytesOf(blob.size));
    const open = connect(registry.host);
    expect(await open('app').copyBlob(blob, open('base/image', 'pull'))).toBe('mounted');
    expect(registry.lines()).toEqual([
      `HEAD /v2/app/blobs/${short} 404`,
      `POST /v2/app/blobs/uploads/?mount=${short}&from=base%2Fimage 201`,
    ]);
    expect(registry.hasBlob('app', blob.digest)).toBe(true);
  });

  it('asks for a token for both repositories to mount, the target first', async () => {
    const registry = await startRegistry({ auth });
    registry.putBlob('base', await bytesOf(blob.size));
    const open = connect(registry.host, { credential });
    expect(await open('app').copyBlob(blob, open('base', 'pull'))).toBe('mounted');
    const scopes = registry.requests
      .map(({ path }) => new URL(path, 'http://x').searchParams.getAll('scope'))
      .filter((list) => list.length > 0);
    expect(scopes).toEqual([
      ['repository:app:pull,push'],
      ['repository:app:pull,push', 'repository:base:pull'],
    ]);
  });

  it('does not treat 202 as a mount (ECR Public), and uploads to its session', async () => {
    const registry = await startRegistry({ mounts: 'always202' });
    registry.putBlob('base', await bytesOf(blob.size));
    const open = connect(registry.host);
    expect(await open('app').copyBlob(blob, open('base', 'pull'))).toBe('copied');
    expect(registry.blob('app', blob.digest)?.equals(await bytesOf(blob.size))).toBe(true);
    expect(registry.lines().map((line) => line.split(' ')[0])).toEqual(['HEAD', 'POST', 'GET', 'PUT']);
    expect(registry.openSessions).toBe(0);
  });

  it.each([400, 401, 403, 404, 405])('uploads if the response to a mount is %i', async (status) => {
    const registry = await startRegistry({
      fault: (request, next) => (request.path.includes('mount=') ? { status } : next()),
    });
    registry.putBlob('base', await bytesOf(blob.size));
    const open = connect(registry.host);
    expect(await open('app').copyBlob(blob, open('base', 'pull'))).toBe('copied');
  });

  it('does not ask another registry for a mount', async () => {
    const [registry, elsewhere] = [await startRegistry(), await startRegistry()];
    elsewhere.putBlob('base', await bytesOf(blob.size));
    const source = connect(elsewhere.host)('base', 'pull');
    expect(await connect(registry.host)('app').copyBlob(blob, source)).toBe('copied');
    expect(registry.lines().some((line) => line.includes('mount='))).toBe(false);
  });

  it.each([401, 403, 405])('uploads if the response to HEAD is %i (GHCR)', async (status) => {
    const registry = await startRegistry({ fault: onMethod('HEAD', () => ({ status })) });
    expect(await connect(registry.host)('app').copyBlob(blob, generatedSource())).toBe('copied');
  });

  it('uploads over a blob of another size', async () => {
    const registry = await startRegistry({
      fault: onMethod('HEAD', () => ({ status: 200, headers: { 'content-length': '3' } })),
    });
    expect(await connect(registry.host)('app').copyBlob(blob, generatedSource())).toBe('copied');
  });
});

describe('an upload that another client has finished', () => {
  it.each<[string, Answer]>([
    [
      'Nexus',
      failure(400, 'BLOB_UPLOAD_INVALID', 'blob upload invalid', 'docker/v2/-/blobs cannot be updated'),
    ],
    ['a bare 400', { status: 400 }],
    ['409', failure(409, 'CONFLICT', 'already exists')],
    ['412', { status: 412 }],
    ['403', failure(403, 'DENIED', 'cannot overwrite')],
  ])('is a success if the registry has the blob: %s', async (_what, answer) => {
    const registry = await startRegistry({
      fault: onMethod('PUT', async (next) => {
        await next();
        return answer;
      }),
    });
    expect(await connect(registry.host)('app').copyBlob(blob, generatedSource())).toBe('copied');
    expect(registry.lines().map((line) => line.split(' ')[0])).toEqual(['HEAD', 'POST', 'PUT', 'HEAD']);
  });

  it('is a failure if the registry does not have the blob', async () => {
    const registry = await startRegistry({ fault: onMethod('PUT', () => ({ status: 409 })) });
    const copy = connect(registry.host)('app').copyBlob(blob, generatedSource());
    await expect(copy).rejects.toBeInstanceOf(FailedError);
  });
});

describe('an upload that fails', () => {
  it.each<[string, Answer, looksUp: boolean]>([
    ['the connection breaks', { status: 0, fault: 'reset' }, true],
    ['500', { status: 500 }, true],
    ['504', { status: 504 }, true],
    ['503', { status: 503 }, false],
    ['429', { status: 429 }, false],
    ['the session is lost', failure(404, 'BLOB_UPLOAD_UNKNOWN', 'blob upload unknown to registry'), false],
    [
      'the session is mixed up (distribution)',
      failure(404, 'BLOB_UPLOAD_INVALID', 'blob upload invalid'),
      false,
    ],
  ])('is restarted from POST when %s', async (_what, answer, looksUp) => {
    let puts = 0;
    const waits: number[] = [];
    const registry = await startRegistry({
      fault: onMethod('PUT', (next) => {
        puts += 1;
        return puts === 1 ? answer : next();
      }),
    });
    const progress: number[] = [];
    const source = generatedSource();
    await connect(registry.host, { waits })('app').copyBlob(blob, source, {
      onBytes: (bytes) => progress.push(bytes),
    });
    expect(registry.lines().map((line) => line.split(' ')[0])).toEqual([
      'HEAD',
      'POST',
      'PUT',
      ...(looksUp ? ['HEAD'] : []),
      'DELETE',
      'POST',
      'PUT',
    ]);
    expect(source.opened).toBe(2);
    expect(progress.reduce((sum, bytes) => sum + bytes, 0)).toBe(blob.size);
    expect(waits).toEqual([625]);
    expect(registry.openSessions).toBe(0);
  });

  it.each<[string, Answer]>([
    ['is lost', { status: 0, fault: 'reset' }],
    ['is that of a gateway that gave up (504)', { status: 504 }],
    ['is an error after the blob was stored (500)', { status: 500 }],
  ])('is not repeated if the blob is stored and the response %s', async (_what, answer) => {
    for (const retries of [0, 2]) {
      const registry = await startRegistry({
        fault: onMethod('PUT', async (next) => {
          await next();
          return answer;
        }),
      });
      const source = generatedSource();
      const waits: number[] = [];
      expect(await connect(registry.host, { retries, waits })('app').copyBlob(blob, source)).toBe('copied');
      expect(registry.lines().map((line) => line.split(' ')[0])).toEqual(['HEAD', 'POST', 'PUT', 'HEAD']);
      expect(source.opened).toBe(1);
      expect(waits).toEqual([]);
    }
  });

  it('is not repeated if the registry has the blob, and can be asked only after the wait', async () => {
    let heads = 0;
    const registry = await startRegistry({
      fault: async ({ method }, next) => {
        if (method === 'HEAD') return ++heads === 2 ? { status: 503 } : next();
        if (method !== 'PUT') return next();
        await next();
        return { status: 502 };
      },
    });
    const source = generatedSource();
    const waits: number[] = [];
    expect(await connect(registry.host, { waits })('app').copyBlob(blob, source)).toBe('copied');
    const methods = registry.requests.map(({ method }) => method);
    expect(methods).toEqual(['HEAD', 'POST', 'PUT', 'HEAD', 'HEAD']);
    expect(source.opened).toBe(1);
    expect(waits).toEqual([625]);
  });

  it.each([true, false])(
    'by a response that is late is looked up, not repeated (stored: %s)',
    async (stored) => {
      const registry = await startRegistry({
        fault: onMethod('PUT', async (next) => {
          if (stored) await next();
          return { fault: 'stall' };
        }),
      });
      const copying = connect(registry.host, { limits: { write: 100 } })('app').copyBlob(
        blob,
        generatedSource(),
      );
      if (stored) expect(await copying).toBe('copied');
      else await expect(copying).rejects.toThrow(/PUT .*: no response within 0\.1 s$/);
      expect(registry.lines().map((line) => line.split(' ')[0])).toEqual([
        'HEAD',
        'POST',
        'PUT',
        'HEAD',
        ...(stored ? [] : ['DELETE']),
      ]);
    },
  );

  it('waits as long as the registry asks', async () => {
    let puts = 0;
    const waits: number[] = [];
    const registry = await startRegistry({
      fault: onMethod('PUT', (next) => {
        puts += 1;
        return puts === 1 ? { status: 429, headers: { 'retry-after': '7' } } : next();
      }),
    });
    await connect(registry.host, { waits })('app').copyBlob(blob, generatedSource());
    expect(waits).toEqual([7_000]);
  });

  it('gives up after the last retry, resets its progress and leaves no session', async () => {
    const registry = await startRegistry({ fault: onMethod('PUT', () => ({ status: 500 })) });
    let sent = 0;
    const copy = connect(registry.host, { retries: 2 })('app').copyBlob(blob, generatedSource(), {
      onBytes: (bytes) => (sent += bytes),
    });
    await expect(copy).rejects.toBeInstanceOf(UnavailableError);
    expect(registry.lines().filter((line) => line.startsWith('PUT'))).toHaveLength(3);
    expect(sent).toBe(0);
    expect(registry.openSessions).toBe(0);
  });

  it('is not restarted if the registry rejects the blob', async () => {
    const registry = await startRegistry();
    const source = generatedSource((stream) => stream.map((chunk: Buffer) => Buffer.alloc(chunk.length)));
    await expect(connect(registry.host)('app').copyBlob(blob, source)).rejects.toBeInstanceOf(InvalidError);
    expect(registry.lines().filter((line) => line.startsWith('PUT'))).toHaveLength(1);
    expect(registry.hasBlob('app', blob.digest)).toBe(false);
  });

  it('is begun again when the connection breaks while the source still has bytes', async () => {
    let puts = 0;
    const registry = await startRegistry({
      fault: onMethod('PUT', (next) => {
        puts += 1;
        return puts === 1 ? { status: 0, fault: 'reset' } : next();
      }),
    });
    const large = generatedBlob(16 << 20);
    expect(await connect(registry.host)('app').copyBlob(large, generatedSource())).toBe('copied');
    expect(puts).toBe(2);
  });

  it('is not restarted if the source fails, which has its own retries', async () => {
    const registry = await startRegistry();
    const elsewhere = await startRegistry({
      fault: async ({ method }, next) =>
        method === 'GET' ? { ...(await next()), fault: 'short-body', sent: 1_000 } : next(),
    });
    elsewhere.putBlob('base', await bytesOf(blob.size));
    const source = connect(elsewhere.host)('base', 'pull');
    const copy = connect(registry.host)('app').copyBlob(blob, source);
    await expect(copy).rejects.toBeInstanceOf(UnavailableError);
    expect(registry.lines().filter((line) => line.startsWith('POST'))).toHaveLength(1);
    expect(registry.openSessions).toBe(0);
  });

  it('reports why the source failed, and cancels its session', async () => {
    const registry = await startRegistry();
    const elsewhere = await startRegistry();
    const source = connect(elsewhere.host)('base', 'pull');
    const error = await failureOf(connect(registry.host)('app').copyBlob(blob, source));
    expect(error).toBeInstanceOf(NotFoundError);
    expect(String(error)).toContain(`${elsewhere.host}/base@${blob.digest}`);
    expect(registry.openSessions).toBe(0);
  });

  it('does not store what the source did not verify', async () => {
    const registry = await startRegistry();
    const elsewhere = await startRegistry({
      fault: onMethod('GET', () => ({ status: 200, body: Buffer.alloc(blob.size) })),
    });
    const source = connect(elsewhere.host)('base', 'pull');
    const error = await failureOf(connect(registry.host)('app').copyBlob(blob, source));
    expect(error).toBeInstanceOf(InvalidError);
    expect(String(error)).toContain('digest mismatch');
    expect(registry.hasBlob('app', blob.digest)).toBe(false);
    expect(registry.openSessions).toBe(0);
  });

  it('ends its session even after it was cancelled', async () => {
    const registry = await startRegistry();
    const stop = new AbortController();
    const stuck = generatedSource((stream) => {
      stream.destroy();
      return new Readable({ read() {} });
    });
    const begun: string[] = [];
    const copy = connect(registry.host, {
      onHttpEvent: (event) => event.kind === 'request' && begun.push(event.method),
    })('app').copyBlob(blob, stuck, { signal: stop.signal });
    await expect.poll(() => begun).toContain('PUT');
    expect(registry.openSessions).toBe(1);
    stop.abort();
    await expect(copy).rejects.toBeInstanceOf(CancelledError);
    expect(registry.lines().at(-1)).toBe(`DELETE ${session} 204`);
    expect(registry.openSessions).toBe(0);
  });

  it.each<[string, Answer]>([
    ['200', { status: 200 }],
    ['202', { status: 202 }],
  ])('fails if the registry responds with %s but does not have the blob', async (_what, answer) => {
    const registry = await startRegistry({ fault: onMethod('PUT', () => answer) });
    await expect(connect(registry.host)('app').copyBlob(blob, generatedSource())).rejects.toBeInstanceOf(
      FailedError,
    );
  });

  it.each([
    ['more', 200_001],
    ['fewer', 199_999],
  ])('is not restarted if the source has %s than the descriptor', async (what, given) => {
    const registry = await startRegistry();
    const source = generatedSource(() => Readable.from([Buffer.alloc(given)]));
    await expect(connect(registry.host)('app').copyBlob(blob, source)).rejects.toThrow(
      new InvalidError(`generated gives ${what} than the 200000 bytes of ${blob.digest}`),
    );
    expect(registry.lines().filter((line) => line.startsWith('POST'))).toHaveLength(1);
    expect(registry.hasBlob('app', blob.digest)).toBe(false);
    expect(registry.openSessions).toBe(0);
  });

  it('fails if the registry returns another digest', async () => {
    const other = `sha256:${'0'.repeat(64)}`;
    const registry = await startRegistry({
      fault: onMethod('PUT', () => ({ status: 201, headers: { 'docker-content-digest': other } })),
    });
    await expect(connect(registry.host)('app').copyBlob(blob, generatedSource())).rejects.toThrow(
      `stored ${other}, but ${blob.digest} was sent`,
    );
  });
});

describe('credentials of an upload', () => {
  it('go with a session of the registry, and count the bytes of a token that ran out once', async () => {
    let puts = 0;
    const registry = await startRegistry({
      auth,
      fault: (request, next) => {
        if (request.method === 'PUT' && (puts += 1) === 1) registry.expireTokens();
        return next();
      },
    });
    let sent = 0;
    const outcome = await connect(registry.host, { credential })('app').copyBlob(blob, generatedSource(), {
      onBytes: (bytes) => (sent += bytes),
    });
    expect(outcome).toBe('copied');
    expect(puts).toBe(2);
    expect(sent).toBe(blob.size);
  });

  it('do not go with a session on another origin', async () => {
    const uploads = await startRegistry({ fault: () => ({ status: 201 }) });
    const registry = await startRegistry({
      auth,
      fault: async ({ method }, next) => {
        const response = await next();
        if (method !== 'POST' || response.status !== 202) return response;
        return { ...response, headers: { location: `http://${uploads.host}/upload?signature=x` } };
      },
    });
    await connect(registry.host, { credential })('app').copyBlob(blob, generatedSource());
    expect(uploads.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      `PUT /upload?signature=x&digest=${blob.digest}`,
    ]);
    expect(uploads.requests[0]?.headers.authorization).toBeUndefined();
  });

  it('are not sent into a private network by a registry outside it (ggcr #2295)', async () => {
    const registry = await startRegistry({
      fault: onMethod('POST', () => ({
        status: 202,
        headers: { location: 'http://169.254.169.254/latest/' },
      })),
    });
    const error = await failureOf(connect(registry.host)('app').copyBlob(blob, generatedSource()));
    expect(error).toBeInstanceOf(InvalidError);
    expect(String(error)).toContain('rejected the upload location http://169.254.169.254');
  });
});

describe('a large blob', () => {
  it('is streamed, not buffered in memory', async () => {
    const registry = await startRegistry({ keepBlobs: false });
    const large = generatedBlob(256 << 20);
    const repository = connect(registry.host)('app');
    await repository.copyBlob(blob, generatedSource());
    const before = process.memoryUsage().rss;
    let peak = 0;
    await repository.copyBlob(large, generatedSource(), {
      onBytes: () => (peak = Math.max(peak, process.memoryUsage.rss() - before)),
    });
    expect(registry.hasBlob('app', large.digest)).toBe(true);
    // The test's registry runs in this process too. The use must be far below the size of the blob.
    expect(peak).toBeLessThan(128 << 20);
  });
});

it('has the name that people write', () => {
  const open = connect('docker.io');
  expect(open('library/app').label).toBe('app');
  expect(open('team/app').repository).toEqual(parseReference('team/app'));
});
