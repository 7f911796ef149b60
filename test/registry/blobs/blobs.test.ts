import type { Readable } from 'node:stream';

import { describe, expect, it } from 'vitest';

import type { WorkEvent } from '../../../src/content/events.js';
import type { HttpEvent } from '../../../src/http/message.js';
import type { Descriptor } from '../../../src/oci/descriptor.js';
import { digestOf, parseDigest } from '../../../src/oci/digest.js';
import { CancelledError, InvalidError, NotFoundError, UnavailableError } from '../../../src/oci/errors.js';
import { failureOf } from '../../support/failure.js';
import { connect, startRegistry } from '../../support/open-repository.js';
import type { Answer, LoggedRequest } from '../../support/fake-server.js';

const bytes = Buffer.alloc(100_000, 'some blob ');
const blob: Descriptor = {
  mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
  digest: digestOf(bytes),
  size: bytes.length,
};
const short = blob.digest.slice(0, 15);
const path = `/v2/app/blobs/${short}`;

async function all(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Cuts the first responses after these numbers of bytes. */
function cuts(...after: number[]) {
  return async (_request: LoggedRequest, next: () => Promise<Answer>): Promise<Answer> => {
    const sent = after.shift();
    return sent === undefined ? next() : { ...(await next()), fault: 'short-body', sent };
  };
}

describe('openBlob', () => {
  it('gives the bytes with one request', async () => {
    const registry = await startRegistry();
    registry.putBlob('app', bytes);
    const stream = await connect(registry.host)('app').openBlob(blob);
    expect((await all(stream)).equals(bytes)).toBe(true);
    expect(registry.lines()).toEqual([`GET ${path} 200`]);
  });

  it('gives an empty blob', async () => {
    const registry = await startRegistry();
    registry.putBlob('app', Buffer.alloc(0));
    const empty = { ...blob, digest: digestOf(Buffer.alloc(0)), size: 0 };
    expect(await all(await connect(registry.host)('app').openBlob(empty))).toHaveLength(0);
  });

  it('fails at once for a blob that does not exist', async () => {
    const registry = await startRegistry();
    const error = await failureOf(connect(registry.host)('app').openBlob(blob));
    expect(error).toBeInstanceOf(NotFoundError);
    expect(String(error)).toContain(`${registry.host}/app@${blob.digest}`);
    expect(String(error)).toContain('BLOB_UNKNOWN');
  });

  it.each<[string, Buffer]>([
    ['other bytes', Buffer.alloc(bytes.length)],
    ['too few bytes', bytes.subarray(1)],
    ['too many bytes', Buffer.concat([bytes, Buffer.alloc(1)])],
  ])('fails at the end of %s', async (_what, body) => {
    const registry = await startRegistry({ fault: () => ({ status: 200, body }) });
    const stream = await connect(registry.host)('app').openBlob(blob);
    await expect(all(stream)).rejects.toBeInstanceOf(InvalidError);
  });

  it('reports a blob that cannot be verified', async () => {
    const events: WorkEvent[] = [];
    const registry = await startRegistry({ fault: () => ({ status: 200, body: bytes }) });
    const repository = connect(registry.host, { onEvent: (event) => events.push(event) })('app');
    await all(await repository.openBlob({ ...blob, digest: parseDigest('blake3:00ff') }));
    expect(events).toEqual([
      { kind: 'warning', message: expect.stringContaining('cannot verify blake3:00ff') as string },
    ]);
  });

  it('follows a redirect to storage without the credential, which storage would reject (S3)', async () => {
    const auth = { kind: 'bearer', username: 'me', password: 'secret' } as const;
    const registry = await startRegistry({ redirectBlobs: true, auth });
    registry.putBlob('app', bytes);
    const credential = { kind: 'basic', username: 'me', password: 'secret' } as const;
    const stream = await connect(registry.host, { credential })('app', 'pull').openBlob(blob);
    expect((await all(stream)).equals(bytes)).toBe(true);
    const last = registry.requests.at(-1);
    expect(last?.path).toContain('X-Amz-Signature');
    expect(last?.headers.authorization).toBeUndefined();
  });

  it('never asks the hosts that a descriptor names (CVE-2020-15157)', async () => {
    const elsewhere = await startRegistry();
    const registry = await startRegistry();
    const foreign = { ...blob, urls: [`http://${elsewhere.host}/layer`] };
    await expect(connect(registry.host)('app').openBlob(foreign)).rejects.toBeInstanceOf(NotFoundError);
    expect(elsewhere.requests).toEqual([]);
  });

  it('does not respond to a challenge of the storage that it is redirected to (CVE-2020-15157, ggcr #2349)', async () => {
    const storage = await startRegistry({
      fault: () => ({ status: 401, headers: { 'www-authenticate': 'Basic realm="mine"' } }),
    });
    const registry = await startRegistry({
      fault: () => ({ status: 307, headers: { location: `http://${storage.host}/x` } }),
    });
    const credential = { kind: 'basic', username: 'me', password: 'secret' } as const;
    const open = connect(registry.host, { credential })('app').openBlob(blob);
    await expect(open).rejects.toThrow(`${storage.host} responded with 401`);
    expect(storage.requests.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });
});

describe('a download that breaks', () => {
  it('resumes where it was interrupted, and is verified as a whole', async () => {
    const registry = await startRegistry({ fault: cuts(30_000, 20_000) });
    registry.putBlob('app', bytes);
    const stream = await connect(registry.host)('app').openBlob(blob);
    expect((await all(stream)).equals(bytes)).toBe(true);
    expect(registry.requests.map(({ headers }) => headers.range)).toEqual([
      undefined,
      'bytes=30000-',
      'bytes=50000-',
    ]);
  });

  it('resumes from a registry without ranges', async () => {
    let requests = 0;
    const registry = await startRegistry({
      fault: () =>
        (requests += 1) === 1
          ? { status: 200, body: bytes, fault: 'short-body', sent: 30_000 }
          : { status: 200, body: bytes },
    });
    const stream = await connect(registry.host)('app').openBlob(blob);
    expect((await all(stream)).equals(bytes)).toBe(true);
    expect(requests).toBe(2);
  });

  it('resumes through the redirect, as the URL of the storage may have expired', async () => {
    let reads = 0;
    const registry = await startRegistry({
      redirectBlobs: true,
      fault: async ({ path: asked }, next) => {
        const response = await next();
        return asked.includes('X-Amz') && (reads += 1) === 1
          ? { ...response, fault: 'short-body', sent: 30_000 }
          : response;
      },
    });
    registry.putBlob('app', bytes);
    expect((await all(await connect(registry.host)('app').openBlob(blob))).equals(bytes)).toBe(true);
    expect(registry.lines().map((line) => line.slice(-3))).toEqual(['307', '200', '307', '206']);
  });

  it('notices when the rest is not the rest', async () => {
    let requests = 0;
    const registry = await startRegistry({
      fault: () =>
        (requests += 1) === 1
          ? { status: 200, body: bytes, fault: 'short-body', sent: 30_000 }
          : {
              status: 206,
              headers: { 'content-range': 'bytes 10000-99999/100000' },
              body: bytes.subarray(10_000),
            },
    });
    const stream = await connect(registry.host)('app').openBlob(blob);
    await expect(all(stream)).rejects.toThrow(/does not resume it at byte 30000/);
  });

  it('notices when the rest is of another blob', async () => {
    const other = Buffer.alloc(bytes.length);
    let requests = 0;
    const registry = await startRegistry({
      fault: () =>
        (requests += 1) === 1
          ? { status: 200, body: bytes, fault: 'short-body', sent: 30_000 }
          : { status: 200, body: other },
    });
    const stream = await connect(registry.host)('app').openBlob(blob);
    await expect(all(stream)).rejects.toBeInstanceOf(InvalidError);
  });

  it.each([
    [0, 2],
    [1, 3],
    [2, 4],
  ])('is given up after %i retries that bring nothing', async (retries, requests) => {
    const waits: number[] = [];
    const registry = await startRegistry({ fault: cuts(30_000, 0, 0, 0, 0) });
    registry.putBlob('app', bytes);
    const stream = await connect(registry.host, { retries, waits })('app').openBlob(blob);
    await expect(all(stream)).rejects.toBeInstanceOf(UnavailableError);
    expect(registry.requests).toHaveLength(requests);
    expect(waits).toEqual([625, 1875].slice(0, retries));
  });

  it('starts again if it broke before the first byte', async () => {
    const registry = await startRegistry({ fault: cuts(0, 0) });
    registry.putBlob('app', bytes);
    const stream = await connect(registry.host)('app').openBlob(blob);
    expect((await all(stream)).equals(bytes)).toBe(true);
    expect(registry.requests).toHaveLength(3);
  });

  it('is complete if only the end of a chunked response is lost', async () => {
    const part = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${bytes.length.toString(16)}\r\n`;
    const registry = await startRegistry({
      fault: () => ({ fault: 'raw', body: Buffer.concat([Buffer.from(part), bytes, Buffer.from('\r\n')]) }),
    });
    const stream = await connect(registry.host)('app').openBlob(blob);
    expect((await all(stream)).equals(bytes)).toBe(true);
    expect(registry.requests).toHaveLength(1);
  });

  it('is given up when it breaks again and again', async () => {
    const registry = await startRegistry({ fault: cuts(...Array<number>(20).fill(1_000)) });
    registry.putBlob('app', bytes);
    const stream = await connect(registry.host)('app').openBlob(blob);
    await expect(all(stream)).rejects.toBeInstanceOf(UnavailableError);
    expect(registry.requests).toHaveLength(6);
  });

  it('that stalls is resumed once, and then given up without a wait', async () => {
    const waits: number[] = [];
    const stalls = (sent: number): Answer => ({ status: 200, body: bytes, fault: 'stall-body', sent });
    const sent = [30_000, 60_000, 90_000];
    const registry = await startRegistry({ fault: () => stalls(sent.shift() ?? 0) });
    const stream = await connect(registry.host, { waits, limits: { idle: 50 } })('app').openBlob(blob);
    await expect(all(stream)).rejects.toThrow('no data for 0.05 s after 60000 of 100000 bytes');
    expect(registry.requests).toHaveLength(2);
    expect(waits).toEqual([]);
  });

  it('reports each wait', async () => {
    const events: WorkEvent[] = [];
    const registry = await startRegistry({ fault: cuts(30_000, 0) });
    registry.putBlob('app', bytes);
    const onEvent = (event: WorkEvent): void => void events.push(event);
    await all(await connect(registry.host, { onEvent })('app').openBlob(blob));
    const reason = expect.stringContaining('after 0 of') as string;
    expect(events).toEqual([
      { kind: 'download-retried', digest: blob.digest, reason, waitMilliseconds: 625 },
    ]);
  });

  it('ends when it is cancelled', async () => {
    const stop = new AbortController();
    const registry = await startRegistry();
    registry.putBlob('app', Buffer.alloc(8 << 20));
    const large = { ...blob, digest: digestOf(Buffer.alloc(8 << 20)), size: 8 << 20 };
    const stream = await connect(registry.host)('app').openBlob(large, { signal: stop.signal });
    stop.abort();
    await expect(all(stream)).rejects.toBeInstanceOf(CancelledError);
  });

  it('frees its connection when the reader stops', async () => {
    const registry = await startRegistry();
    registry.putBlob('app', Buffer.alloc(8 << 20));
    const large = { ...blob, digest: digestOf(Buffer.alloc(8 << 20)), size: 8 << 20 };
    let received = 0;
    const onHttpEvent = (event: HttpEvent): void => {
      if (event.kind === 'bytes') received += event.received;
    };
    const stream = await connect(registry.host, { onHttpEvent })('app').openBlob(large);
    stream.destroy();
    await expect.poll(() => registry.requests[0]?.finishedAt).toBeDefined();
    expect(received).toBeLessThan(large.size);
  });
});
