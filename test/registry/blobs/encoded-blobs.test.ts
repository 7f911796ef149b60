import { brotliCompressSync, gzipSync } from 'node:zlib';

import { describe, expect, it } from 'vitest';

import { readableOf, readVerified } from '../../../src/content/verified-stream.js';
import { digestOf } from '../../../src/oci/digest.js';
import { parseTag } from '../../../src/oci/reference.js';
import type { Answer, LoggedRequest } from '../../support/fake-server.js';
import { amd64 } from '../../support/images.js';
import { connect, startRegistry } from '../../support/open-repository.js';

const config = Buffer.from(
  JSON.stringify({ architecture: 'amd64', os: 'linux', history: Array(500).fill('x') }),
);
const layer = gzipSync(Buffer.alloc(100_000, 'layer'));
const CONFIG = 'application/vnd.oci.image.config.v1+json';
const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';

/** Reads a blob from a registry whose responses are changed. */
async function read(
  bytes: Buffer,
  mediaType: string,
  change: (answer: Answer, request: LoggedRequest) => Answer,
): Promise<Uint8Array> {
  const registry = await startRegistry({
    fault: async (request, next) => {
      const answer = await next();
      return request.method === 'GET' ? change(answer, request) : answer;
    },
  });
  registry.putBlob('app', bytes);
  const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
  const stream = readableOf(await connect(registry.host)('app').openBlob(descriptor));
  return readVerified(stream, descriptor, 1 << 20);
}

const label = (answer: Answer, coding: string, length?: number): Answer => ({
  ...answer,
  headers: {
    ...answer.headers,
    'content-encoding': coding,
    ...(length === undefined
      ? { 'content-length': [], 'transfer-encoding': 'chunked' }
      : { 'content-length': String(length) }),
  },
});

describe('a blob with a Content-Encoding', () => {
  it.each([
    ['gzip', gzipSync(config)],
    ['br', brotliCompressSync(config)],
  ])('that a proxy has encoded (%s) is decoded', async (coding, body) => {
    for (const length of [body.length, undefined]) {
      const result = await read(config, CONFIG, (answer) => ({ ...label(answer, coding, length), body }));
      expect(config.equals(result)).toBe(true);
    }
  });

  it('that is stored so is used as it is', async () => {
    for (const length of [layer.length, undefined]) {
      expect(layer.equals(await read(layer, LAYER, (answer) => label(answer, 'gzip', length)))).toBe(true);
    }
    const plain = await read(config, CONFIG, (answer) => label(answer, 'gzip', config.length));
    expect(config.equals(plain)).toBe(true);
  });

  it('that is stored compressed and was encoded once more is decoded once', async () => {
    const twice = gzipSync(layer);
    const body = (answer: Answer): Answer => ({ ...label(answer, 'gzip', twice.length), body: twice });
    expect(layer.equals(await read(layer, LAYER, body))).toBe(true);
  });

  it('that cannot be decoded is an error with the reason', async () => {
    const reading = read(config, CONFIG, (answer) => label(answer, 'gzip'));
    await expect(reading).rejects.toThrow('cannot be decoded as gzip, which its Content-Encoding states');
  });

  it('that decodes to more than its size is an error', async () => {
    const bomb = gzipSync(Buffer.alloc(50 << 20));
    const reading = read(config, CONFIG, (answer) => ({ ...label(answer, 'gzip', bomb.length), body: bomb }));
    await expect(reading).rejects.toMatchObject({ kind: 'invalid' });
  });

  it('resumes after a broken connection', async () => {
    const body = gzipSync(config);
    let cut = true;
    const result = await read(config, CONFIG, (answer) => {
      const whole = { ...label(answer, 'gzip', body.length), status: 200, body };
      if (!cut) return whole;
      cut = false;
      return { ...whole, fault: 'short-body', sent: body.length - 12 };
    });
    expect(config.equals(result)).toBe(true);
  });
});

describe('the length of an encoded response to HEAD', () => {
  it('is not that of the content', async () => {
    const registry = await startRegistry({
      fault: async (request, next) => {
        const answer = await next();
        return request.method === 'HEAD' ? label(answer, 'gzip', 7) : answer;
      },
    });
    registry.put('app', amd64, '1.2');
    const repository = connect(registry.host)('app');
    const { digest, bytes } = amd64.manifest;
    expect(await repository.resolve(parseTag('1.2'))).toMatchObject({ digest, size: bytes.length });
    const blob = { mediaType: CONFIG, digest: digestOf(amd64.config.bytes), size: amd64.config.bytes.length };
    expect(await repository.hasBlob(blob)).toBe(true);
  });
});
