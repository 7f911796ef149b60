import { appendFile, rename, truncate, writeFile } from 'node:fs/promises';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';

import { describe, expect, it } from 'vitest';

import { TarArchive } from '../../../src/layout/tar/tar-archive.js';
import { CancelledError, FailedError, InvalidError, NotFoundError } from '../../../src/oci/errors.js';
import { failureOf } from '../../support/failure.js';
import { mustRun } from '../../support/run.js';
import { tarFile } from '../../support/tar-file.js';
import {
  filesOf,
  openArchive,
  openFile,
  openUntilEnd,
  openError,
  temporaryFile,
} from '../temporary-archive.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

const bytes = tarFile([
  { name: 'index.json', content: '{}' },
  { name: 'blobs/sha256/abc', content: 'a blob' },
]);

describe('opening', () => {
  it('reports a missing file', async () => {
    const path = join(await temporaryDirectory(), 'missing.tar');
    const error: unknown = await failureOf(TarArchive.open(path));
    expect(error).toBeInstanceOf(NotFoundError);
    expect(error).toMatchObject({ message: `no such file: ${path}` });
  });

  it('suggests oci: for a directory', async () => {
    const path = await temporaryDirectory();
    const error: unknown = await failureOf(TarArchive.open(path));
    expect(error).toBeInstanceOf(InvalidError);
    expect(error).toMatchObject({
      message: `${path} is a directory, not an archive`,
      hint: `Use oci:${path} for an image layout directory.`,
    });
  });

  it.runIf(process.platform !== 'win32')('does not wait for a pipe', async () => {
    const path = join(await temporaryDirectory(), 'pipe');
    await mustRun('mkfifo', [path]);
    await expect(TarArchive.open(path)).rejects.toMatchObject({
      kind: 'invalid',
      message: `${path} is not a regular file`,
    });
  });

  it.each<[what: string, content: Uint8Array, message: string, hint: string]>([
    ['an empty file', Buffer.alloc(0), 'FILE is empty, not a tar file', 'Create or download it again.'],
    ['a zip file', Buffer.from('PK\u0003\u0004 and so on'), 'FILE is a zip file, not a tar file', 'GitHub'],
    [
      'an empty zip file',
      Buffer.from(`PK\u0005\u0006${'\0'.repeat(18)}`),
      'FILE is a zip file, not a tar file',
      'Unpack it first',
    ],
    [
      'a large zip file',
      Buffer.alloc(2000, 'PK\u0003\u0004'),
      'FILE is a zip file, not a tar file',
      'Unpack it first',
    ],
    [
      'an xz file',
      Buffer.from('\xfd7zXZ\0 and so on', 'latin1'),
      'FILE is compressed with xz, not a tar file',
      'xz -d',
    ],
    ['a bzip2 file', Buffer.from('BZh91AY'), 'FILE is compressed with bzip2, not a tar file', 'bzip2 -d'],
    [
      'an lz4 file',
      Buffer.from('\u0004"M\u0018 and so on'),
      'FILE is compressed with lz4, not a tar file',
      'lz4 -d',
    ],
    [
      'a compressed zip file',
      gzipSync('PK\u0003\u0004'),
      'the content of FILE is a zip file, not a tar file',
      'Unpack it first',
    ],
    [
      'an archive that is compressed twice',
      gzipSync(gzipSync(bytes)),
      'the content of FILE is not a tar file, or it is damaged',
      'docker save',
    ],
    ['one byte', Buffer.from('x'), 'FILE is not a tar file, or it is damaged', 'docker save'],
    ['any text', Buffer.alloc(5000, 'any text'), 'FILE is not a tar file, or it is damaged', 'docker save'],
    [
      'a tar file without its first bytes',
      bytes.subarray(100),
      'FILE is not a tar file, or it is damaged',
      'docker save',
    ],
  ])('rejects %s', async (_what, content, message, hint) => {
    const error = await openError(content);
    expect(error.message).toBe(message);
    expect(error.hint).toContain(hint);
  });

  it('reads a tar file whose first name starts like another format', async () => {
    expect((await openArchive(tarFile([{ name: 'BZh9' }]))).names()).toEqual(['BZh9']);
  });

  it('can be cancelled', async () => {
    const path = await temporaryFile(bytes);
    await expect(TarArchive.open(path, { signal: AbortSignal.abort() })).rejects.toBeInstanceOf(
      CancelledError,
    );
  });

  it.runIf(existsSync('/proc/self/fd'))(
    'leaves no file open when it fails, and none when closed',
    async () => {
      const good = await temporaryFile(bytes);
      const bad = await temporaryFile(bytes.subarray(0, 600));
      const packed = await temporaryFile(gzipSync(bytes.subarray(0, 600)));
      const openFiles = (): number => readdirSync('/proc/self/fd').length;
      // Once before, so that what the first read of all opens for good is not counted.
      (await TarArchive.open(good)).close();
      const before = openFiles();
      const archive = await TarArchive.open(good);
      expect(openFiles()).toBe(before + 1);
      archive.close();
      for (const path of [bad, packed])
        await expect(TarArchive.open(path)).rejects.toBeInstanceOf(InvalidError);
      await expect(TarArchive.open(good, { signal: AbortSignal.abort() })).rejects.toBeInstanceOf(
        CancelledError,
      );
      expect(openFiles()).toBe(before);
    },
  );
});

describe('reading', () => {
  const large = Buffer.alloc(3_000_000, 'a piece of content that has an odd length. ');

  it('streams a file in chunks', async () => {
    const archive = await openArchive(
      tarFile([{ name: 'a' }, { name: 'large', content: large }, { name: 'b' }]),
    );
    const stream = openFile(archive, 'large');
    const sizes: number[] = [];
    const pieces: Buffer[] = [];
    for await (const piece of stream as AsyncIterable<Buffer>) {
      sizes.push(piece.length);
      pieces.push(piece);
    }
    expect(Buffer.concat(pieces).equals(large)).toBe(true);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(256 * 1024);
    expect(stream.readableObjectMode).toBe(false);
  });

  it('reads on demand', async () => {
    const archive = await openArchive(tarFile([{ name: 'large', content: large }]));
    const stream = openFile(archive, 'large');
    stream.on('readable', () => {});
    // Another file, read to its end in the meantime, takes more turns than reading ahead could need.
    for (let turn = 0; turn < 20; turn += 1) await archive.readSmallFile('large', large.length);
    expect(stream.readableLength).toBeGreaterThan(0);
    expect(stream.readableLength).toBeLessThanOrEqual(512 * 1024);
    stream.destroy();
  });

  it('reads several files at the same time', async () => {
    const archive = await openArchive(bytes);
    const names = [...archive.names(), ...archive.names()];
    const contents = await Promise.all(names.map((name) => text(openFile(archive, name))));
    expect(contents).toEqual(['{}', 'a blob', '{}', 'a blob']);
  });

  it('returns undefined for a missing file', async () => {
    const archive = await openArchive(bytes);
    expect(archive.openFile('blobs')).toBeUndefined();
    expect(archive.size('blobs')).toBeUndefined();
    expect(await archive.readSmallFile('blobs', 10)).toBeUndefined();
  });

  it('reads a small file up to the limit', async () => {
    const archive = await openArchive(bytes);
    expect(String(await archive.readSmallFile('blobs/sha256/abc', 6))).toBe('a blob');
    await expect(archive.readSmallFile('blobs/sha256/abc', 5)).rejects.toThrow(
      new InvalidError(`"blobs/sha256/abc" in ${archive.path} is 6 bytes long, more than the limit of 5`),
    );
  });

  it('keeps reading the opened file when another one takes its name', async () => {
    const path = await temporaryFile(bytes);
    const archive = await openUntilEnd(path);
    await writeFile(`${path}.new`, tarFile([{ name: 'index.json', content: 'other' }]));
    await rename(`${path}.new`, path);
    expect(await filesOf(archive)).toEqual([
      ['index.json', '{}'],
      ['blobs/sha256/abc', 'a blob'],
    ]);
  });

  it('fails if the file was truncated', async () => {
    const path = await temporaryFile(tarFile([{ name: 'large', content: large }]));
    const archive = await openUntilEnd(path);
    await truncate(path, 2_000_000);
    const shorter = { kind: 'invalid', message: `${path} was truncated while it was read` };
    await expect(buffer(openFile(archive, 'large'))).rejects.toMatchObject(shorter);
    await expect(archive.readSmallFile('large', large.length)).rejects.toMatchObject(shorter);
    await appendFile(path, Buffer.alloc(2_000_000));
    expect(await archive.readSmallFile('large', large.length)).toHaveLength(large.length);
  });
});

describe('closing', () => {
  it('makes reads fail, and may be repeated', async () => {
    const archive = await openArchive(bytes);
    const before = openFile(archive, 'index.json');
    archive.close();
    archive.close();
    expect(archive.names()).toEqual(['index.json', 'blobs/sha256/abc']);
    const closed = new FailedError(`cannot read ${archive.path}: it has been closed`);
    await expect(buffer(before)).rejects.toThrow(closed);
    await expect(buffer(openFile(archive, 'index.json'))).rejects.toThrow(closed);
    await expect(archive.readSmallFile('index.json', 10)).rejects.toThrow(closed);
  });

  it('waits for a read in progress, which gets the right bytes', async () => {
    const archive = await openArchive(tarFile([{ name: 'a', content: 'a'.repeat(100_000) }]));
    const reads = Array.from({ length: 20 }, () => archive.readSmallFile('a', 100_000));
    archive.close();
    // Would get the number of the archive's file, had that been closed already.
    const others = await Promise.all(
      reads.map(() => openArchive(tarFile([{ name: 'b', content: 'b'.repeat(100_000) }]))),
    );
    for (const content of await Promise.all(reads)) expect(String(content)).toBe('a'.repeat(100_000));
    for (const other of others) other.close();
  });

  it('frees a stream that is destroyed before its end', async () => {
    const archive = await openArchive(tarFile([{ name: 'a', content: Buffer.alloc(1_000_000) }]));
    const stream = openFile(archive, 'a');
    for await (const _piece of stream) break;
    expect(stream.destroyed).toBe(true);
    archive.close();
  });
});
