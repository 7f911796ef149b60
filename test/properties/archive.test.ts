import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';

import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';

import { TarArchive } from '../../src/layout/tar/tar-archive.js';
import { InvalidError } from '../../src/oci/errors.js';
import { openFile } from '../layout/temporary-archive.js';
import { gnuLong, paxHeader, tarFile, tarParts, withChecksum, type TarPart } from '../support/tar-file.js';
import { sharedDirectory } from '../support/sandbox.js';

const BLOCK = 512;
const RUNS = { numRuns: 300 };

let directory: string;
let path: string;

beforeAll(async () => {
  const shared = await sharedDirectory();
  directory = shared.directory;
  path = join(directory, 'file.tar');
  return shared.remove;
});

/** All files of an archive, or the error for an invalid one. Any other error fails the test. */
async function read(bytes: Uint8Array): Promise<Map<string, Buffer> | InvalidError> {
  await writeFile(path, bytes);
  let archive: TarArchive;
  try {
    archive = await TarArchive.open(path);
  } catch (error) {
    if (!(error instanceof InvalidError)) throw error;
    expect(error.message).toContain(path);
    return error;
  }
  try {
    const files = new Map<string, Buffer>();
    for (const name of archive.names()) {
      files.set(name, await buffer(openFile(archive, name)));
      expect(files.get(name)?.length).toBe(archive.size(name));
    }
    return files;
  } finally {
    archive.close();
  }
}

/** The headers and the content of one file, in any of the forms that name it. */
const file = fc
  .record({
    name: fc
      .stringMatching(/^[a-z0-9._-]{1,40}(\/[a-z0-9._-]{1,40}){0,4}$/)
      .filter((name) => name.split('/').every((part) => part !== '.' && part !== '..')),
    content: fc.uint8Array({ maxLength: 1500 }),
    form: fc.constantFrom('plain', 'gnu', 'pax'),
  })
  .filter(({ name, form }) => form !== 'plain' || name.length <= 100)
  .map(({ name, content, form }) => {
    const entry: TarPart = { name: form === 'plain' ? name : 'short', content };
    const before = { plain: [], gnu: [gnuLong('L', name)], pax: [paxHeader({ path: name })] }[form];
    return { name, content: Buffer.from(content), parts: [...before, entry] };
  });
const files = fc.uniqueArray(file, { minLength: 1, maxLength: 4, selector: ({ name }) => name });

describe('a truncated archive', () => {
  it('is rejected, or has only complete files and is cut at the end of one', async () => {
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(
        files,
        fc.nat(),
        fc.integer({ min: -2, max: 2 }),
        fc.boolean(),
        async (all, number, near, atBlock) => {
          const whole = tarFile(all.flatMap(({ parts }) => parts));
          const offset = number % (whole.length + 1);
          const cut = Math.min(
            Math.max(atBlock ? Math.round(offset / BLOCK) * BLOCK + near : offset, 0),
            whole.length,
          );
          const found = await read(whole.subarray(0, cut));

          const ends = all.map(
            (_, index) => tarParts(all.slice(0, index + 1).flatMap(({ parts }) => parts)).length,
          );
          const end = ends.at(-1) ?? 0;
          const isWhole = ends.includes(cut) || cut === end + BLOCK || cut === end + 2 * BLOCK;
          if (!isWhole) {
            refused += 1;
            expect(found).toBeInstanceOf(InvalidError);
            return;
          }
          const there = all.filter((_, index) => (ends[index] ?? 0) <= cut);
          expect(found).toEqual(new Map(there.map(({ name, content }) => [name, content])));
        },
      ),
      RUNS,
    );
    expect(refused).toBeGreaterThan(0);
  });

  it('is rejected if its compressed data is cut', async () => {
    await fc.assert(
      fc.asyncProperty(files, fc.nat(), async (all, number) => {
        const whole = gzipSync(tarFile(all.flatMap(({ parts }) => parts)));
        expect(await read(whole.subarray(0, number % whole.length))).toBeInstanceOf(InvalidError);
        expect(await read(whole)).toEqual(new Map(all.map(({ name, content }) => [name, content])));
      }),
      RUNS,
    );
  });
});

describe('a damaged archive', () => {
  it('is rejected for any flipped bits of a header, except in long names', async () => {
    await fc.assert(
      fc.asyncProperty(files, fc.nat(), fc.nat(7), async (all, number, bit) => {
        const bytes = tarFile(all.flatMap(({ parts }) => parts));
        const positions = headerPositions(all);
        const position = (positions[number % positions.length] ?? 0) + (number % BLOCK);
        bytes.writeUInt8((bytes[position] ?? 0) ^ (1 << bit), position);
        const found = await read(bytes);
        // Bits of the checksum's own field may leave its number as it is.
        const inChecksum = position % BLOCK >= 148 && position % BLOCK < 156;
        if (inChecksum && !(found instanceof InvalidError)) {
          expect(found).toEqual(new Map(all.map(({ name, content }) => [name, content])));
        } else {
          expect(found).toBeInstanceOf(InvalidError);
        }
      }),
      RUNS,
    );
  });

  it('is read or rejected, with any change', async () => {
    await fc.assert(
      fc.asyncProperty(
        files,
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1 }),
        async (all, changes) => {
          const bytes = tarFile(all.flatMap(({ parts }) => parts));
          for (const [offset, byte] of changes) bytes.writeUInt8(byte, offset % bytes.length);
          await read(bytes);
        },
      ),
      RUNS,
    );
  });

  it('is read or rejected, for any header with a valid checksum', async () => {
    const change = fc.tuple(
      fc.nat(BLOCK - 1),
      fc.oneof(
        fc.uint8Array({ maxLength: 12 }),
        fc.stringMatching(/^[0-7xgLKS\0 ./]{1,12}$/).map((text) => Buffer.from(text)),
      ),
    );
    let wasRead = 0;
    await fc.assert(
      fc.asyncProperty(
        files,
        fc.nat(),
        fc.array(change, { minLength: 1, maxLength: 4 }),
        async (all, number, changes) => {
          const bytes = tarFile(all.flatMap(({ parts }) => parts));
          const positions = headerPositions(all);
          const position = positions[number % positions.length] ?? 0;
          const header = bytes.subarray(position, position + BLOCK);
          for (const [offset, value] of changes) header.set(value.subarray(0, BLOCK - offset), offset);
          withChecksum(header);
          if (!((await read(bytes)) instanceof InvalidError)) wasRead += 1;
        },
      ),
      { numRuns: 1000 },
    );
    expect(wasRead).toBeGreaterThan(0);
  });
});

/** Where the headers start, in bytes. */
function headerPositions(all: readonly { readonly parts: readonly TarPart[] }[]): number[] {
  const parts = all.flatMap((one) => one.parts);
  return parts.map((_, index) => tarParts(parts.slice(0, index)).length);
}
