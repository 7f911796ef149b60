import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';

import * as fc from 'fast-check';

import { RandomAccessFile } from '../../../src/layout/tar/random-access-file.js';
import { TarArchive } from '../../../src/layout/tar/tar-archive.js';
import { parsePaxRecords, tarEntries } from '../../../src/layout/tar/tar-headers.js';
import { TarPathIndex } from '../../../src/layout/tar/tar-path-index.js';
import { InvalidError } from '../../../src/oci/errors.js';
import { openFile } from '../../layout/temporary-archive.js';
import {
  gnuLong,
  paxHeader,
  paxRecord,
  tarFile,
  tarParts,
  withChecksum,
  type TarPart,
} from '../../support/tar-file.js';
import { sharedDirectory } from '../../support/sandbox.js';
import { property, type Target } from '../property.js';

const BLOCK = 512;

let path: string;

async function open(): Promise<() => Promise<void>> {
  const shared = await sharedDirectory();
  path = join(shared.directory, 'file.tar');
  return shared.remove;
}

/** A file in memory: most of the time of a case would otherwise be that of the file system. */
class MemoryFile extends RandomAccessFile {
  readonly #content: Uint8Array;

  constructor(content: Uint8Array) {
    super(-1, { label: path, size: content.length });
    this.#content = content;
  }

  override async read(into: Uint8Array, position: number): Promise<number> {
    const found = this.#content.subarray(position, position + into.length);
    into.set(found);
    return found.length;
  }
}

/** All files of a plain archive, or the error for an invalid one. Any other error fails the test. */
async function read(bytes: Uint8Array): Promise<Map<string, Buffer> | InvalidError> {
  // The check for an empty file is made when it is opened.
  if (bytes.length === 0) return readFromDisk(bytes);
  return orInvalid(async () => {
    const archive = new TarPathIndex(path);
    for await (const entry of tarEntries(new MemoryFile(bytes))) archive.add(entry);
    archive.check();
    return new Map(
      archive.files().map((name) => {
        const { start, size } = archive.find(name) ?? { start: 0, size: -1 };
        const content = Buffer.from(bytes.subarray(start, start + size));
        assert.equal(content.length, size);
        return [name, content];
      }),
    );
  });
}

/** As {@link read}, of an archive that may be compressed, through the file system. */
async function readFromDisk(bytes: Uint8Array): Promise<Map<string, Buffer> | InvalidError> {
  await writeFile(path, bytes);
  const archive = await orInvalid(() => TarArchive.open(path));
  if (archive instanceof InvalidError) return archive;
  try {
    const files = new Map<string, Buffer>();
    for (const name of archive.names()) {
      files.set(name, await buffer(openFile(archive, name)));
      assert.equal(files.get(name)?.length, archive.size(name));
    }
    return files;
  } finally {
    archive.close();
  }
}

async function orInvalid<T>(work: () => Promise<T>): Promise<T | InvalidError> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof InvalidError)) throw error;
    assert(error.message.includes(path));
    return error;
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

/** Where the headers start, in bytes. */
function headerPositions(all: readonly { readonly parts: readonly TarPart[] }[]): number[] {
  let end = 0;
  return all
    .flatMap(({ parts }) => parts)
    .map((part) => {
      const start = end;
      end += tarParts([part]).length;
      return start;
    });
}

function whole(all: readonly { readonly parts: readonly TarPart[] }[]): Buffer {
  return tarFile(all.flatMap(({ parts }) => parts));
}

const contents = (all: readonly { readonly name: string; readonly content: Buffer }[]): Map<string, Buffer> =>
  new Map(all.map(({ name, content }) => [name, content]));

const headerChange = fc.tuple(
  fc.nat(BLOCK - 1),
  fc.oneof(
    fc.uint8Array({ maxLength: 12 }),
    fc.stringMatching(/^[0-7xgLKS\0 ./]{1,12}$/).map((text) => Buffer.from(text)),
  ),
);

export const tar: Target = {
  name: 'tar',
  open,
  properties: [
    property(
      'a truncated archive is rejected, or has only complete files and is cut at the end of one',
      [files, fc.nat(), fc.integer({ min: -2, max: 2 }), fc.boolean()],
      async (all, number, near, atBlock) => {
        const bytes = whole(all);
        const offset = number % (bytes.length + 1);
        const cut = Math.min(
          Math.max(atBlock ? Math.round(offset / BLOCK) * BLOCK + near : offset, 0),
          bytes.length,
        );
        const found = await read(bytes.subarray(0, cut));

        const ends = all.map(
          (_, index) => tarParts(all.slice(0, index + 1).flatMap(({ parts }) => parts)).length,
        );
        const end = ends.at(-1) ?? 0;
        if (!ends.includes(cut) && cut !== end + BLOCK && cut !== end + 2 * BLOCK) {
          assert(found instanceof InvalidError);
          return 'rejected';
        }
        assert.deepEqual(found, contents(all.filter((_, index) => (ends[index] ?? 0) <= cut)));
        return 'read';
      },
      { batch: 300, reaches: ['rejected', 'read'] },
    ),
    property(
      'an archive is rejected if its compressed data is cut',
      [files, fc.nat()],
      async (all, number) => {
        const bytes = gzipSync(whole(all));
        assert((await readFromDisk(bytes.subarray(0, number % bytes.length))) instanceof InvalidError);
        assert.deepEqual(await readFromDisk(bytes), contents(all));
      },
      { batch: 60 },
    ),
    property(
      'an archive is rejected for any flipped bits of a header, except in long names',
      [files, fc.nat(), fc.nat(7)],
      async (all, number, bit) => {
        const bytes = whole(all);
        const positions = headerPositions(all);
        const position = (positions[number % positions.length] ?? 0) + (number % BLOCK);
        bytes.writeUInt8((bytes[position] ?? 0) ^ (1 << bit), position);
        const found = await read(bytes);
        // Bits of the checksum's own field may leave its number as it is.
        const inChecksum = position % BLOCK >= 148 && position % BLOCK < 156;
        if (inChecksum && !(found instanceof InvalidError)) assert.deepEqual(found, contents(all));
        else assert(found instanceof InvalidError);
      },
      { batch: 150 },
    ),
    property(
      'an archive with any change is read or rejected',
      [files, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1 })],
      async (all, changes) => {
        const bytes = whole(all);
        for (const [offset, byte] of changes) bytes.writeUInt8(byte, offset % bytes.length);
        await read(bytes);
      },
      { batch: 200 },
    ),
    property(
      'an archive is read or rejected, for any header with a valid checksum',
      [files, fc.nat(), fc.array(headerChange, { minLength: 1, maxLength: 4 })],
      async (all, number, changes) => {
        const bytes = whole(all);
        const positions = headerPositions(all);
        const position = positions[number % positions.length] ?? 0;
        const header = bytes.subarray(position, position + BLOCK);
        for (const [offset, value] of changes) header.set(value.subarray(0, BLOCK - offset), offset);
        withChecksum(header);
        return (await read(bytes)) instanceof InvalidError ? 'rejected' : 'read';
      },
      { batch: 300, reaches: ['rejected', 'read'] },
    ),
  ],
};

const paxRecords = fc.uniqueArray(
  fc.tuple(
    fc.stringMatching(/^[A-Za-z0-9. _-]{1,12}$/),
    fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('', 'a\nb', '=', '12 path=x\n')),
  ),
  { selector: ([keyword]) => keyword, maxLength: 5 },
);

function writtenRecords(records: Iterable<readonly [string, string]>): Buffer {
  return Buffer.from([...records].map(([keyword, value]) => paxRecord(keyword, value)).join(''));
}

/** Checks that the text is these records, each with its own length. Some records have two: `9 1111=1` and `10 1111=1`. */
function checkRecords(text: string, records: Iterable<readonly [string, string]>): void {
  let rest = text;
  for (const [keyword, value] of records) {
    const record = `${keyword}=${value}\n`;
    const length = /^[1-9]\d*(?= )/.exec(rest)?.[0] ?? '';
    assert.equal(rest.slice(0, length.length + 1 + record.length), `${length} ${record}`);
    assert.equal(Number(length), length.length + 1 + Buffer.byteLength(record));
    rest = rest.slice(length.length + 1 + record.length);
  }
  assert.equal(rest, '');
}

export const pax: Target = {
  name: 'pax',
  properties: [
    property('records round-trip, with any value', [paxRecords], (records) => {
      assert.deepEqual(parsePaxRecords(writtenRecords(records)), new Map(records));
    }),
    property(
      'any bytes are rejected, or records that take them all',
      [
        fc.oneof(
          fc.uint8Array().map((bytes) => Buffer.from(bytes)),
          fc
            .array(fc.constantFrom('1', '9', '10', ' ', 'a', '=', 'path', '\n', '\0', '-', '0'), {
              maxLength: 20,
            })
            .map((parts) => Buffer.from(parts.join(''))),
          fc.tuple(paxRecords, fc.nat(), fc.nat(255)).map(([records, at, byte]) => {
            const bytes = writtenRecords(records);
            if (bytes.length > 0) bytes[at % bytes.length] = byte;
            return bytes;
          }),
        ),
      ],
      (bytes) => {
        const records = parsePaxRecords(bytes);
        if (records === undefined) return 'rejected';
        const text = bytes.toString();
        // Repeated keywords and invalid UTF-8 are not kept.
        if (records.size === text.split('\n').length - 1 && bytes.equals(Buffer.from(text)))
          checkRecords(text, records);
        return 'read';
      },
      { batch: 1000, reaches: ['rejected', 'read'] },
    ),
  ],
};
