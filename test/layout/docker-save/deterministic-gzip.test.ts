import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { constants, createGzip, gunzipSync, type ZlibOptions } from 'node:zlib';

import { describe, expect, it } from 'vitest';

import { deterministicGzip } from '../../../src/layout/docker-save/deterministic-gzip.js';
import { readAll } from '../../contract/contract-content.js';

/** Neither constant nor random, so that the settings of a compressor matter. */
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
  'gives the same bytes if the content comes in chunks of %i bytes',
  async (length) => {
    expect(await compress(content, length)).toEqual(await compress(content));
  },
);

it('can be decompressed', async () => {
  for (const bytes of [content, Buffer.alloc(0), Buffer.from('x'), randomBytes(200_000)]) {
    expect(gunzipSync(await compress(bytes)).equals(bytes)).toBe(true);
  }
});

describe('the settings', () => {
  // The digests of layers depend on them, so a change would give every layer a new digest. The compressed bytes also
  // depend on the version of zlib in Node.js, so they are compared with those of the same zlib.
  const pinned: ZlibOptions = {
    level: 4,
    memLevel: 8,
    windowBits: 15,
    strategy: constants.Z_DEFAULT_STRATEGY,
  };

  /** Repeats at a distance that needs the largest window. */
  const sample = Buffer.concat([content, content.subarray(-20_000)]);

  /** Without the header. */
  async function bodyWith(options: ZlibOptions): Promise<string> {
    const gzip = createGzip({ ...options, chunkSize: 64 << 10 });
    return (await readAll(Readable.from(piecesOf(sample, 64 << 10)).pipe(gzip))).toString('hex', 10);
  }

  it('are the pinned ones', async () => {
    expect((await compress(sample)).toString('hex', 10)).toBe(await bodyWith(pinned));
  });

  it.each<[what: string, options: ZlibOptions]>([
    ['the default level', { level: constants.Z_DEFAULT_COMPRESSION }],
    ['the next level', { level: 5 }],
    ['another memory level', { memLevel: 9 }],
    ['another window size', { windowBits: 14 }],
    ['another strategy', { strategy: constants.Z_FILTERED }],
  ])('would give other bytes with %s', async (_what, options) => {
    expect(await bodyWith({ ...pinned, ...options })).not.toBe(await bodyWith(pinned));
  });
});

it('has neither a time nor a name nor an operating system in the header', async () => {
  // RFC 1952, section 2.3: magic, deflate, no flags, no time, no extra flags (XFL), unknown OS.
  const header = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
  expect((await compress(content)).subarray(0, 10)).toEqual(header);
});

it('compresses', async () => {
  expect((await compress(Buffer.alloc(1_000_000))).length).toBeLessThan(2000);
});

it('fails with the error of the content, and closes it', async () => {
  const source = new Readable({ read: () => {} });
  const compressed = deterministicGzip(source);
  source.push(content);
  source.destroy(new Error('the disk is gone'));
  await expect(readAll(compressed)).rejects.toThrow('the disk is gone');
});

it('closes the content when the reader stops', async () => {
  const source = Readable.from(piecesOf(content, 1000));
  const compressed = deterministicGzip(source);
  for await (const _chunk of compressed) break;
  await new Promise((resolve) => setImmediate(resolve));
  expect(source.destroyed).toBe(true);
});

it('reads the content on demand, so that it needs little memory', async () => {
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
