import { describe, expect, it } from 'vitest';

import { readableOf } from '../../../src/content/verified-stream.js';
import { InvalidError, UnauthorizedError } from '../../../src/oci/errors.js';
import { CuttingProxy } from '../../support/cutting-proxy.js';
import { generatedBlob, generatedSource } from '../../support/generated-source.js';
import type { MemoryRegistryOptions } from '../../support/memory-registry.js';
import { connect, startRegistry } from '../../support/open-repository.js';
import { failure, type Answer, type LoggedRequest } from '../../support/fake-server.js';

const MEBIBYTE = 1 << 20;
const blob = generatedBlob(32 * MEBIBYTE);

const methods = (requests: readonly LoggedRequest[]): string[] => requests.map(({ method }) => method);
const total = (numbers: readonly number[]): number => numbers.reduce((sum, number) => sum + number, 0);

/** A registry and a way to it that breaks after so many bytes. */
async function startBreaking(options: MemoryRegistryOptions, ...cuts: readonly number[]) {
  const registry = await startRegistry({ uploadStatus: true, ...options });
  const proxy = await CuttingProxy.start(registry.host, cuts);
  return { registry, proxy };
}

/** Copies the blob; gives what became of it. */
async function copyTo(host: string, retries = 2) {
  const waits: number[] = [];
  const progress: number[] = [];
  const source = generatedSource();
  const outcome = await connect(host, { waits, retries })('app').copyBlob(blob, source, {
    onBytes: (bytes) => progress.push(bytes),
  });
  return { outcome, waits, progress, opened: source.opened };
}

describe('an upload that breaks', () => {
  it('resumes where it was interrupted', async () => {
    const { registry, proxy } = await startBreaking({}, 10 * MEBIBYTE);
    const { outcome, waits, progress, opened } = await copyTo(proxy.host);
    expect(outcome).toBe('copied');
    expect(methods(registry.requests)).toEqual(['HEAD', 'POST', 'PUT', 'GET', 'PUT']);
    const rest = Number(registry.requests[4]?.headers['content-length']);
    expect(registry.requests[4]?.headers['content-range']).toBe(`${blob.size - rest}-${blob.size - 1}`);
    // The limit includes the headers of the requests.
    expect(rest).toBeGreaterThan(22 * MEBIBYTE);
    expect(rest).toBeLessThan(22 * MEBIBYTE + 10_000);
    expect(proxy.sent).toBeLessThan(blob.size + 10_000);
    expect(registry.hasBlob('app', blob.digest)).toBe(true);
    expect(registry.openSessions).toBe(0);
    expect(total(progress)).toBe(blob.size);
    expect(waits).toEqual([625]);
    // Read from its start, since all of it has to be verified.
    expect(opened).toBe(2);
  });

  it('resumes after each interruption', async () => {
    const { registry, proxy } = await startBreaking({}, 10 * MEBIBYTE, 2 * MEBIBYTE);
    const { progress } = await copyTo(proxy.host);
    expect(methods(registry.requests)).toEqual(['HEAD', 'POST', 'PUT', 'GET', 'PUT', 'GET', 'PUT']);
    expect(registry.hasBlob('app', blob.digest)).toBe(true);
    expect(proxy.sent).toBeLessThan(blob.size + 10_000);
    expect(total(progress)).toBe(blob.size);
  });

  it('is given up after the last retry, and leaves no session', async () => {
    const { registry, proxy } = await startBreaking({}, 3 * MEBIBYTE, 3 * MEBIBYTE, 3 * MEBIBYTE);
    await expect(copyTo(proxy.host)).rejects.toThrow(/3 tries|broke|closed|reset/i);
    expect(registry.requests.filter(({ method }) => method === 'PUT')).toHaveLength(3);
    expect(registry.openSessions).toBe(0);
    expect(registry.hasBlob('app', blob.digest)).toBe(false);
  });

  it('is complete if only the response was lost', async () => {
    const registry = await startRegistry({
      fault: async ({ method }, next) => (method === 'PUT' ? { ...(await next()), fault: 'reset' } : next()),
    });
    const { outcome, progress } = await copyTo(registry.host);
    expect(outcome).toBe('copied');
    expect(methods(registry.requests)).toEqual(['HEAD', 'POST', 'PUT', 'HEAD']);
    expect(total(progress)).toBe(blob.size);
  });

  const location = '/v2/app/blobs/uploads/x';
  it.each<[string, Answer]>([
    ['has forgotten it (distribution 2)', failure(404, 'BLOB_UPLOAD_INVALID', 'blob upload invalid')],
    ['does not know the request', { status: 405 }],
    ['answers 416', { status: 416, headers: { location, range: '0-99' } }],
    ['does not answer', { status: 0, fault: 'reset' }],
    ['answers something else', { status: 200, headers: { location, range: '0-99' } }],
    ['names no range', { status: 204, headers: { location } }],
    ['has nothing', { status: 204, headers: { location, range: '0-0' } }],
    ['has not the beginning', { status: 204, headers: { location, range: '5-99' } }],
    ['has more than there is', { status: 204, headers: { location, range: `0-${blob.size}` } }],
    ['names no location', { status: 204, headers: { range: '0-99' } }],
    [
      'sends it into a private network',
      { status: 204, headers: { location: 'http://169.254.169.254/', range: '0-99' } },
    ],
  ])('is restarted if the registry %s', async (_what, status) => {
    const { registry, proxy } = await startBreaking(
      { fault: ({ method }, next) => (method === 'GET' ? status : next()) },
      10 * MEBIBYTE,
    );
    const { progress } = await copyTo(proxy.host);
    expect(methods(registry.requests)).toEqual(['HEAD', 'POST', 'PUT', 'GET', 'DELETE', 'POST', 'PUT']);
    expect(registry.requests.at(-1)?.headers['content-range']).toBeUndefined();
    expect(registry.hasBlob('app', blob.digest)).toBe(true);
    expect(registry.openSessions).toBe(0);
    expect(total(progress)).toBe(blob.size);
  });

  it.each<[string, Answer]>([
    ['the range', { status: 416 }],
    ['what it now holds', failure(400, 'DIGEST_INVALID', 'provided digest did not match uploaded content')],
    ['chunks', failure(400, 'UNSUPPORTED', 'chunked upload is not supported')],
  ])('is restarted if the registry rejects %s', async (_what, response) => {
    const { registry, proxy } = await startBreaking(
      {
        fault: ({ method, headers }, next) =>
          method === 'PUT' && headers['content-range'] !== undefined ? response : next(),
      },
      10 * MEBIBYTE,
    );
    const { progress } = await copyTo(proxy.host);
    expect(methods(registry.requests).slice(3)).toEqual(['GET', 'PUT', 'DELETE', 'POST', 'PUT']);
    expect(registry.hasBlob('app', blob.digest)).toBe(true);
    expect(total(progress)).toBe(blob.size);
  });

  it('sends no credentials to another origin when it asks for the rest', async () => {
    const uploads = await startRegistry({ fault: () => ({ status: 503 }) });
    const auth = { kind: 'bearer', username: 'me', password: 'secret' } as const;
    const registry = await startRegistry({
      auth,
      fault: async ({ method }, next) => {
        const response = await next();
        if (method !== 'POST' || response.status !== 202) return response;
        return { ...response, headers: { location: `http://${uploads.host}/upload` } };
      },
    });
    const credential = { kind: 'basic', username: 'me', password: 'secret' } as const;
    const copy = connect(registry.host, { credential, retries: 1 })('app').copyBlob(blob, generatedSource());
    await expect(copy).rejects.toThrow('503');
    expect(methods(uploads.requests)).toEqual(['PUT', 'GET', 'DELETE', 'PUT', 'DELETE']);
    expect(uploads.requests.map(({ headers }) => headers.authorization)).toEqual(Array(5).fill(undefined));
  });
});

describe('the source', () => {
  it('is asked while the upload is being begun', async () => {
    const elsewhere = await startRegistry();
    const pieces = await readableOf(await generatedSource().openBlob(blob)).toArray();
    elsewhere.putBlob('base', Buffer.concat(pieces as Buffer[]));
    const registry = await startRegistry({
      fault: async ({ method }, next) => {
        if (method === 'POST') {
          await expect.poll(() => methods(elsewhere.requests)).toEqual(['GET']);
        }
        return next();
      },
    });
    const source = connect(elsewhere.host)('base', 'pull');
    expect(await connect(registry.host)('app').copyBlob(blob, source)).toBe('copied');
    expect(methods(elsewhere.requests)).toEqual(['GET']);
  });

  it('is closed if the registry does not begin an upload', async () => {
    const registry = await startRegistry({
      fault: ({ method }, next) => (method === 'POST' ? failure(403, 'DENIED', 'no') : next()),
    });
    const opened: { destroyed: boolean }[] = [];
    const source = generatedSource((stream) => {
      opened.push(stream);
      return stream;
    });
    const copy = connect(registry.host)('app').copyBlob(blob, source);
    await expect(copy).rejects.toBeInstanceOf(UnauthorizedError);
    await expect.poll(() => opened.map(({ destroyed }) => destroyed)).toEqual([true]);
  });

  it('is reported if it fails before the upload begins', async () => {
    const elsewhere = await startRegistry({
      fault: () => ({ status: 200, body: Buffer.alloc(10) }),
    });
    const registry = await startRegistry({
      fault: async ({ method }, next) => {
        // Long enough to read the whole wrong response.
        if (method === 'POST') await expect.poll(() => elsewhere.requests[0]?.finishedAt).toBeDefined();
        return next();
      },
    });
    const source = connect(elsewhere.host)('base', 'pull');
    const copy = connect(registry.host)('app').copyBlob(blob, source);
    await expect(copy).rejects.toBeInstanceOf(InvalidError);
    expect(registry.openSessions).toBe(0);
  });
});
