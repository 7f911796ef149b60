import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { gunzipSync } from 'node:zlib';

import { expect, it } from 'vitest';

import { deterministicGzip } from '../../../src/layout/docker-save/deterministic-gzip.js';
import { readAll } from '../../contract/contract-content.js';

/** Neither constant nor random: what a compressor has decisions to make about. */
const content = Buffer.from(Array.from({ length: 400_000 }, (_, at) => (Math.imul(at, at >> 7) >> 5) & 0x3f));

function piecesOf(bytes: Buffer, length: number): Buffer[] {
  return Array.from({ length: Math.ceil(bytes.length / length) }, (_, piece) =>
    bytes.subarray(piece * length, (piece + 1) * length),
  );
}

function compress(bytes: Buffer, length = 64 << 10): Promise<Buffer> {
  return readAll(deterministicGzip(Readable.from(piecesOf(bytes, length))));
}

it.each([1, 7, 999, 65_535, 65_536, 65_537, 400_000])(
  'gives the same bytes where the content comes in pieces of %i bytes',
  async (length) => {
    expect(await compress(content, length)).toEqual(await compress(content));
  },
);

it('gives what can be decompressed to the content', async () => {
  for (const bytes of [content, Buffer.alloc(0), Buffer.from('x'), randomBytes(200_000)]) {
    expect(gunzipSync(await compress(bytes)).equals(bytes)).toBe(true);
  }
});

it('says neither time nor name nor system', async () => {
  // RFC 1952, section 2.3: magic, deflate, no flags, no time, no hint of the level, an unknown system.
  const header = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
  expect((await compress(content)).subarray(0, 10)).toEqual(header);
});

it('compresses', async () => {
  expect((await compress(Buffer.alloc(1_000_000))).length).toBeLessThan(2000);
});

it('fails with what the content fails with, and closes it', async () => {
  const source = new Readable({ read: () => {} });
  const compressed = deterministicGzip(source);
  source.push(content);
  source.destroy(new Error('the disk is gone'));
  await expect(readAll(compressed)).rejects.toThrow('the disk is gone');
});

it('closes the content when nobody wants it any more', async () => {
  const source = Readable.from(piecesOf(content, 1000));
  const compressed = deterministicGzip(source);
  for await (const _chunk of compressed) break;
  await new Promise((resolve) => setImmediate(resolve));
  expect(source.destroyed).toBe(true);
});

it('needs little memory at a time: it reads no further than somebody takes', async () => {
  let read = 0;
  const source = Readable.from(
    (function* pieces(): Generator<Buffer> {
      for (let piece = 0; piece < 1000; piece++) {
        read++;
        yield createHash('sha512').update(String(piece)).digest().fill(randomBytes(64)).subarray(0, 64);
        yield randomBytes(64 << 10);
      }
    })(),
    { objectMode: false },
  );
  const compressed = deterministicGzip(source);
  await new Promise((resolve) => compressed.once('readable', resolve));
  await new Promise((resolve) => setImmediate(resolve));
  expect(read).toBeLessThan(50);
  compressed.destroy();
});
