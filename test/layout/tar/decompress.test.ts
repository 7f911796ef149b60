import { readdirSync, statSync, readlinkSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import zlib, { gzipSync } from 'node:zlib';

import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';

import { TarArchive } from '../../../src/layout/tar/tar-archive.js';
import { decompress } from '../../../src/layout/tar/decompress.js';
import { RandomAccessFile } from '../../../src/layout/tar/random-access-file.js';
import { makeArchiveProcesses, type ArchiveProcesses } from '../../support/archive-process.js';
import { describeIntegration } from '../../support/integration.js';
import { mustRun, run } from '../../support/run.js';
import { tarFile, tarParts } from '../../support/tar-file.js';
import { filesOf, openArchive, openUntilEnd, openError, temporaryFile } from '../temporary-archive.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

const content = Array.from({ length: 40_000 }, (_, line) => `line ${line}\n`).join('');
const parts = [
  { name: 'index.json', content: '{}' },
  { name: './large', content },
];
const files = [
  ['index.json', '{}'],
  ['large', content],
];
const tar = tarFile(parts);
const packed = gzipSync(tar);
const hasDescriptors = process.platform === 'linux';
const hasZstd = 'zstdCompressSync' in zlib;

let temporary: string;

beforeEach(async () => {
  temporary = await temporaryDirectory();
  vi.stubEnv('TMPDIR', temporary);
  onTestFinished(() => void vi.unstubAllEnvs());
});

describe('gzip', () => {
  it.each<[what: string, bytes: Uint8Array]>([
    ['one member', packed],
    ['several members', Buffer.concat([gzipSync(tar.subarray(0, 700)), gzipSync(tar.subarray(700))])],
    ['without compression', gzipSync(tar, { level: 0 })],
    ['without the end of the archive', gzipSync(tarParts(parts))],
    ['padded with zeros', Buffer.concat([packed, Buffer.alloc(2000)])],
  ])('is read: %s', async (_what, bytes) => {
    expect(await filesOf(await openArchive(bytes))).toEqual(files);
  });

  it.each<[what: string, bytes: Uint8Array]>([
    ['truncated in the content', packed.subarray(0, packed.length / 2)],
    ['truncated in its first bytes', packed.subarray(0, 3)],
    ['without its last byte', packed.subarray(0, -1)],
    ['without its checksum and length', packed.subarray(0, -8)],
    ['with a wrong checksum', Buffer.from(packed).fill(0, packed.length - 8, packed.length - 4)],
    ['with garbage in it', Buffer.from(packed).fill(0xff, 1000, 1100)],
    ['with another compression', Buffer.from(packed).fill(9, 2, 3)],
    ['truncated in the second of its members', Buffer.concat([packed, packed.subarray(0, 1000)])],
  ])('is rejected: %s', async (_what, bytes) => {
    const { message, hint } = await openError(bytes);
    expect(message).toBe('FILE is damaged or truncated: it cannot be decompressed with gzip');
    expect(hint).toBe('Create or download it again.');
    expect(await leftOver()).toEqual([]);
  });

  it('is read to its end even after the end of the archive', async () => {
    const padded = gzipSync(Buffer.concat([tar, Buffer.alloc(100_000, 'anything')]));
    expect(await filesOf(await openArchive(padded))).toEqual(files);
    expect((await openError(padded.subarray(0, -1))).message).toContain('is damaged or truncated');
  });

  it('reports damage of the archive in it', async () => {
    expect((await openError(gzipSync(tar.subarray(0, 2000)))).message).toBe(
      `the content of FILE is truncated: entry "./large" ends at byte ${tar.length - 1024}, but the file ends at byte 2000`,
    );
    expect((await openError(gzipSync(''))).message).toBe('the content of FILE is empty, not a tar file');
    expect(await leftOver()).toEqual([]);
  });
});

describe('zstd', () => {
  it.runIf(hasZstd)('is read, and rejected if it is damaged', async () => {
    const compress: unknown = Reflect.get(zlib, 'zstdCompressSync');
    if (typeof compress !== 'function') throw new Error('this Node.js has no zstd');
    const bytes = Buffer.from(Reflect.apply(compress, zlib, [tar]) as Uint8Array);
    expect(await filesOf(await openArchive(bytes))).toEqual(files);
    const damaged = Buffer.from(bytes).fill(0xff, bytes.length / 2);
    expect((await openError(damaged)).message).toBe(
      'FILE is damaged or truncated: it cannot be decompressed with zstd',
    );
    for (let cut = 5; cut < bytes.length - 200; cut += 97) {
      expect((await openError(bytes.subarray(0, cut))).message).toMatch(/is truncated|is empty/);
    }
    const withoutEnd = Buffer.from(Reflect.apply(compress, zlib, [tarParts(parts)]) as Uint8Array);
    expect((await openError(withoutEnd)).message).toContain('is truncated: no end-of-archive marker');
    expect(await leftOver()).toEqual([]);
  });

  it.skipIf(hasZstd)('is rejected with a hint if Node.js does not support it', async () => {
    const path = await temporaryFile(Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0]));
    await expect(TarArchive.open(path)).rejects.toMatchObject({
      kind: 'failed',
      message: `${path} is compressed with zstd, which Node.js ${process.versions.node} cannot decompress`,
      hint: 'Decompress it first with `zstd -d`, or use Node.js 22.15 or later.',
    });
    expect(await leftOver()).toEqual([]);
  });
});

describeIntegration('compressed archives that tar writes', ['tar', 'gzip'], () => {
  it('are read', async () => {
    const path = join(temporary, 'out.tar.gz');
    const input = await temporaryFile(Buffer.from('{}'), 'index.json');
    await mustRun('tar', ['--create', '--gzip', `--file=${path}`, '-C', join(input, '..'), '.']);
    expect(await filesOf(await openUntilEnd(path))).toEqual([['index.json', '{}']]);
  });
});

describe('the temporary file', () => {
  let processes: ArchiveProcesses;

  beforeAll(async () => {
    processes = await makeArchiveProcesses();
  });
  afterAll(() => processes.remove());

  it.runIf(hasDescriptors)('is unlinked and private', async () => {
    const archive = await openArchive(packed);
    expect(await leftOver()).toEqual([]);
    const [file, ...others] = openTemporaryFiles();
    expect(others).toEqual([]);
    expect(statSync(file ?? '').mode & 0o777).toBe(0o600);
    expect(statSync(file ?? '').size).toBe(tar.length);
    archive.close();
    expect(openTemporaryFiles()).toEqual([]);
  });

  it.each([false, true])('is removed however the process ends (killed: %s)', async (killed) => {
    const job = { path: await temporaryFile(packed), killed };
    const own = await temporaryDirectory();
    const { stdout } = await processes.start(job, { env: { TMPDIR: own } });
    expect(JSON.parse(stdout)).toMatchObject({ files: 2, temporary: [] });
    expect(await readdir(own)).toEqual([]);
  });

  it('is removed on cancellation', async () => {
    const controller = new AbortController();
    const file = await RandomAccessFile.open(await temporaryFile(packed));
    onTestFinished(() => file.close());
    // Gives a piece, and when it is asked for more, it is given up.
    const pieces = [packed.subarray(0, 1000)];
    const endless = new Readable({
      read() {
        const piece = pieces.shift();
        if (piece === undefined) controller.abort();
        else this.push(piece);
      },
    });
    vi.spyOn(file, 'stream').mockReturnValue(endless);
    const decompressing = decompress(file, 'gzip', controller.signal);
    await expect(decompressing).rejects.toMatchObject({ kind: 'cancelled' });
    expect(endless.destroyed).toBe(true);
    expect(await leftOver()).toEqual([]);
    expect(openTemporaryFiles()).toEqual([]);
  });

  it('is not created after cancellation', async () => {
    const opening = TarArchive.open(await temporaryFile(packed), { signal: AbortSignal.abort() });
    await expect(opening).rejects.toMatchObject({ kind: 'cancelled' });
    expect(await leftOver()).toEqual([]);
  });

  it.runIf(process.platform !== 'win32')('reports its directory if the disk is full', async () => {
    // A limit on the size of files, two blocks of 512 bytes, stands in for a full disk.
    const command = processes.commandLine({ path: await temporaryFile(packed) });
    const script = ['-c', 'ulimit -f 2 && exec "$@"', 'sh', ...command];
    const own = await temporaryDirectory();
    const { stdout } = await run('sh', script, { env: { TMPDIR: own } });
    expect(JSON.parse(stdout)).toMatchObject({
      kind: 'failed',
      message: `cannot write a temporary file in ${own}: the file size limit is reached`,
      hint: 'Set TMPDIR to a directory with more space, or decompress the archive first.',
      code: 'EFBIG',
      temporary: [],
    });
  });

  it('reports its directory if it cannot be created', async () => {
    const path = await temporaryFile(packed);
    const missing = join(temporary, 'missing');
    vi.stubEnv('TMPDIR', missing);
    await expect(TarArchive.open(path)).rejects.toMatchObject({
      kind: 'failed',
      message: expect.stringContaining(`cannot write a temporary file in ${missing}: `) as unknown,
      hint: expect.stringContaining('TMPDIR') as unknown,
    });
  });

  it('is not needed for a plain archive', async () => {
    const path = await temporaryFile(tar);
    vi.stubEnv('TMPDIR', join(temporary, 'missing'));
    expect(await filesOf(await openUntilEnd(path))).toEqual(files);
  });
});

/** What is in the directory for temporary files, but for what the tests themselves put there. */
async function leftOver(): Promise<string[]> {
  return (await readdir(temporary)).filter((name) => !name.startsWith('multiarch-layout-'));
}

/** The temporary files that this process has open (proc_pid_fd(5)); none where that is not known. */
function openTemporaryFiles(): string[] {
  if (!hasDescriptors) return [];
  return readdirSync('/proc/self/fd')
    .map((number) => join('/proc/self/fd', number))
    .filter((path) => linkTarget(path)?.startsWith(join(temporary, 'multiarch-')) === true)
    .filter((path) => linkTarget(path)?.includes('-layout-', temporary.length) === false);
}

function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined; // the directory itself, which was open only to be listed
  }
}
