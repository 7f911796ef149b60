import { once } from 'node:events';
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';

import { describe, expect, it } from 'vitest';

import { readVerified, verifiedStream } from '../../src/content/verified-stream.js';
import { parseDigest } from '../../src/oci/digest.js';
import type { Descriptor } from '../../src/oci/descriptor.js';
import { InvalidError, UnavailableError } from '../../src/oci/errors.js';
import { failureOf } from '../support/failure.js';

function descriptorOf(bytes: Uint8Array, change: Partial<Descriptor> = {}, algorithm = 'sha256'): Descriptor {
  const digest = parseDigest(`${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`);
  return { mediaType: 'application/octet-stream', digest, size: bytes.length, ...change };
}

function streamOf(bytes: Uint8Array, chunk = 3): Readable {
  const chunks: Uint8Array[] = [];
  for (let start = 0; start < bytes.length; start += chunk) chunks.push(bytes.subarray(start, start + chunk));
  return Readable.from(chunks);
}

const content = Buffer.from('hello, registry');

describe('verifiedStream', () => {
  it.each(['sha256', 'sha512'])('passes content that matches its %s digest', async (algorithm) => {
    const descriptor = descriptorOf(content, {}, algorithm);
    const read = await readVerified(streamOf(content), descriptor, 1_000);
    expect(Buffer.from(read)).toEqual(content);
  });

  it('passes empty content', async () => {
    const read = await readVerified(Readable.from([]), descriptorOf(Buffer.alloc(0)), 0);
    expect(read).toHaveLength(0);
  });

  it('reports the expected and the actual digest', async () => {
    const tampered = Buffer.from('hello, registrY');
    const descriptor = descriptorOf(content);
    await expect(readVerified(streamOf(tampered), descriptor, 1_000)).rejects.toMatchObject({
      kind: 'invalid',
      message: `digest mismatch: expected ${descriptor.digest}, got ${descriptorOf(tampered).digest}`,
      hint: expect.stringContaining('corrupt'),
    });
  });

  it('withholds the end of content that has another digest', async () => {
    const chunks = Readable.from([Buffer.from('hello, '), Buffer.from('registrY')]);
    const stream = verifiedStream(chunks, descriptorOf(content));
    const received: string[] = [];
    stream.on('data', (chunk: Buffer) => received.push(chunk.toString()));
    await expect(once(stream, 'end')).rejects.toThrow('digest mismatch');
    expect(received).toEqual(['hello, ']);
  });

  it('reports the source of the content', async () => {
    const stream = verifiedStream(streamOf(Buffer.from('tampered')), descriptorOf(content), 'r.example/app');
    await expect(stream.toArray()).rejects.toThrow(`r.example/app@${descriptorOf(content).digest}`);
  });

  it.each([
    ['content that ends early', content.length + 1, 'ends after 15 of 16 bytes'],
    ['content that goes on', content.length - 1, 'exceeds the 14 bytes'],
  ])('refuses %s, though its digest is right', async (_what, size, message) => {
    const descriptor = descriptorOf(content, { size });
    const error = await failureOf(readVerified(streamOf(content), descriptor, 1_000));
    expect(error).toBeInstanceOf(InvalidError);
    expect(String(error)).toContain(message);
  });

  it('stops an endless stream at the first byte too many', async () => {
    let given = 0;
    const endless = new Readable({
      read() {
        given += 1_000;
        this.push(Buffer.alloc(1_000));
      },
    });
    await expect(readVerified(endless, descriptorOf(content), 1_000)).rejects.toBeInstanceOf(InvalidError);
    expect(endless.destroyed).toBe(true);
    expect(given).toBeLessThan(200_000);
  });

  it('checks only the size if the algorithm is not supported', async () => {
    const digest = parseDigest('blake3:0123456789abcdef0123456789abcdef');
    expect(await readVerified(streamOf(content), descriptorOf(content, { digest }), 1_000)).toHaveLength(
      content.length,
    );
    const wrong = descriptorOf(content, { digest, size: 3 });
    await expect(readVerified(streamOf(content), wrong, 1_000)).rejects.toBeInstanceOf(InvalidError);
  });

  it('reads nothing if the descriptor exceeds the limit', async () => {
    let reads = 0;
    const stream = new Readable({
      read() {
        reads += 1;
        this.push(null);
      },
    });
    const descriptor = descriptorOf(content, { size: 1_001 });
    await expect(readVerified(stream, descriptor, 1_000)).rejects.toThrow('1001 bytes long');
    expect(reads).toBe(0);
    expect(stream.destroyed).toBe(true);
  });

  it('fails with the error of its input', async () => {
    const lost = new UnavailableError('the connection broke');
    const broken = Readable.from(
      (async function* () {
        yield content;
        await Promise.resolve();
        throw lost;
      })(),
    );
    await expect(readVerified(broken, descriptorOf(content), 1_000)).rejects.toBe(lost);
  });

  it('closes its input when it is destroyed', async () => {
    const input = streamOf(content);
    const stream = verifiedStream(input, descriptorOf(content));
    stream.destroy();
    await new Promise((resolve) => {
      input.once('close', resolve);
    });
    expect(input.destroyed).toBe(true);
  });
});
