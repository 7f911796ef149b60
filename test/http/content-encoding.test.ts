import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';

import { describe, expect, it } from 'vitest';

import { InvalidError, UnavailableError } from '../../src/oci/errors.js';
import { readErrorText } from '../../src/http/error-text.js';
import type { Answer } from '../support/fake-server.js';
import { startScriptedServer } from '../support/scripted-server.js';
import { makeTestClient } from '../support/test-client.js';

const path = '/v2/app/manifests/1.0';
const text = JSON.stringify({ errors: [{ code: 'DENIED', message: 'no' }] });

const CODINGS: readonly (readonly [name: string, encode: (bytes: Uint8Array) => Buffer])[] = [
  ['gzip', gzipSync],
  ['x-gzip', gzipSync],
  [' GZip ', gzipSync],
  ['deflate', deflateSync],
  ['br', brotliCompressSync],
];

async function get(answer: Answer, timing?: 'content') {
  const server = await startScriptedServer();
  server.expect({ method: 'GET', path, answer });
  const { client } = makeTestClient();
  return client.send({ method: 'GET', url: server.url(path), ...(timing && { timing }) });
}

/** A response that was encoded although no request asks for it. */
const encoded = (coding: string, body: Uint8Array, status = 200): Answer => ({
  status,
  headers: { 'content-encoding': coding },
  body,
});

describe('metadata that is encoded unasked', () => {
  it.each(CODINGS)('is decoded: %j', async (coding, encode) => {
    const response = await get(encoded(coding, encode(Buffer.from(text))));
    expect(Buffer.from(await response.bytes(100)).toString()).toBe(text);
    expect(response.headers).toMatchObject({
      'content-encoding': undefined,
      'content-length': String(text.length),
    });
  });

  it.each(CODINGS)('is decoded in an error: %j', async (coding, encode) => {
    const response = await get(encoded(coding, encode(Buffer.from(text)), 403));
    expect((await readErrorText(response)).text).toBe('DENIED: no');
  });

  it.each(['identity', 'utf-8', 'aws-chunked', ''])(
    'is left as it is if its coding is %j',
    async (coding) => {
      const response = await get(encoded(coding, Buffer.from(text)));
      expect(Buffer.from(await response.bytes(100)).toString()).toBe(text);
    },
  );

  it.each(CODINGS)('has the limits of the decoded bytes: %j', async (coding, encode) => {
    const bomb = encode(Buffer.alloc(9 << 20));
    expect(bomb.length).toBeLessThan(50_000);
    const response = await get(encoded(coding, bomb));
    await expect(response.bytes(64 << 20)).rejects.toThrow('longer than the allowed 8388608 bytes');
    const error = await get(encoded(coding, encode(Buffer.alloc(65_537)), 400));
    expect(await readErrorText(error)).toEqual({ errors: [], text: '' });
    const small = await get(encoded(coding, encode(Buffer.from(text))));
    await expect(small.bytes(text.length - 1)).rejects.toThrow(InvalidError);
  });

  it.each(CODINGS)('that cannot be decoded is an error with the reason: %j', async (coding, encode) => {
    for (const body of [Buffer.from('not really'), encode(Buffer.from(text)).subarray(0, -5)]) {
      const response = await get(encoded(coding, body));
      await expect(response.bytes(100)).rejects.toThrow(
        new InvalidError(
          `GET ${response.request.url}: the response cannot be decoded as ${coding.trim()}, which its Content-Encoding states`,
        ),
      );
    }
  });

  it('that cannot be decoded leaves the text of an error', async () => {
    expect((await readErrorText(await get(encoded('gzip', Buffer.from(text), 403)))).text).toBe('DENIED: no');
  });

  it('that breaks off is requested again', async () => {
    const server = await startScriptedServer();
    const answer = encoded('gzip', gzipSync(text));
    server.expect(
      { method: 'GET', path, answer: { ...answer, fault: 'short-body', sent: 9 } },
      { method: 'GET', path, answer },
    );
    const { client } = makeTestClient();
    const response = await client.send({ method: 'GET', url: server.url(path) });
    expect(Buffer.from(await response.bytes(100)).toString()).toBe(text);
  });

  it('is content only if its reader says so', async () => {
    const response = await get(encoded('gzip', gzipSync(text)), 'content');
    expect(Buffer.from(await response.bytes(200))).toEqual(gzipSync(text));
  });
});

describe('a metadata body', () => {
  it('has a time limit for the whole of it, however slow it drips', async () => {
    const server = await startScriptedServer();
    server.expect({ method: 'GET', path, answer: { fault: 'stall-body', body: 'abcdef', sent: 3 } });
    const { client, waits } = makeTestClient({ limits: { metadataBody: 40 } });
    const sending = client.send({ method: 'GET', url: server.url(path) });
    await expect(sending).rejects.toThrow(UnavailableError);
    await expect(sending).rejects.toThrow(
      `GET ${server.url(path).href}: the response did not end within 0.04 s`,
    );
    expect(waits).toEqual([]);
  });
});
