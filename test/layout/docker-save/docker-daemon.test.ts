import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';

import { describe, expect, it, onTestFinished, vi } from 'vitest';

import { DockerDaemon, type SaveImage } from '../../../src/layout/docker-save/docker-daemon.js';
import { parseDigest } from '../../../src/oci/digest.js';
import {
  CancelledError,
  FailedError,
  InvalidError,
  NotFoundError,
  UnavailableError,
} from '../../../src/oci/errors.js';
import { parseReference, parseTag } from '../../../src/oci/reference.js';
import { readAll } from '../../contract/contract-content.js';
import { dockerSave, keptImage, sha256 } from '../../support/docker-save.js';
import { failureOf } from '../../support/failure.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

const image = keptImage(['app:1'], ['one', 'two']);
const bytes = dockerSave(image);

/** A temporary directory of this test's own. */
async function ownTemporaryDirectory(): Promise<string> {
  const directory = await temporaryDirectory();
  const before = process.env['TMPDIR'];
  process.env['TMPDIR'] = directory;
  onTestFinished(() => {
    if (before === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = before;
  });
  return directory;
}

function daemonOf(save: SaveImage, name = 'app:1'): DockerDaemon {
  const daemon = new DockerDaemon({ reference: parseReference(name), save });
  onTestFinished(() => daemon.close());
  return daemon;
}

function saving(content: Buffer = bytes): { save: SaveImage; asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    save: (reference) => {
      asked.push(`${reference.path}:${reference.tag ?? ''}`);
      return Promise.resolve(Readable.from([content.subarray(0, 1000), content.subarray(1000)]));
    },
  };
}

describe('an image of a daemon', () => {
  it('is requested once, and read as an archive', async () => {
    await ownTemporaryDirectory();
    const { save, asked } = saving();
    const daemon = daemonOf(save);
    expect(daemon.label).toBe('docker-daemon:app:1');
    const [digest] = await Promise.all([daemon.selector(), daemon.find(parseTag('1'))]);
    const document = await daemon.readManifest(digest);
    expect((await daemon.resolve(parseTag('1'))).digest).toBe(digest);
    const blobs = document.kind === 'manifest' ? [document.value.config, ...document.value.layers] : [];
    for (const blob of blobs) expect(sha256(await readAll(await daemon.openBlob(blob)))).toBe(blob.digest);
    expect(blobs).toHaveLength(3);
    expect(asked).toEqual(['library/app:1']);
  });

  it('is not requested before it is read', async () => {
    const { save, asked } = saving();
    daemonOf(save).close();
    expect(asked).toEqual([]);
  });

  it('may have another name in the archive', async () => {
    const digest = await daemonOf(
      saving(dockerSave(keptImage(['localhost/app:1'], ['one', 'two']))).save,
    ).selector();
    expect(digest).toBe(await daemonOf(saving().save).selector());
  });

  it('is found by its name if the daemon sends several', async () => {
    const more = saving(dockerSave(keptImage(['other:1'], ['three']), image));
    expect(await daemonOf(more.save).selector()).toBe(await daemonOf(saving().save).selector());
  });

  it('is checked against the digest of the reference', async () => {
    const digest = await daemonOf(saving().save).selector();
    expect(await daemonOf(saving().save, `app@${digest}`).selector()).toBe(digest);
    const other = daemonOf(saving().save, `app@sha256:${'0'.repeat(64)}`);
    await expect(other.selector()).rejects.toBeInstanceOf(InvalidError);
  });

  it('is named after the daemon in errors, not after the file', async () => {
    const daemon = daemonOf(saving().save);
    await expect(daemon.resolve(parseTag('2'))).rejects.toThrow('2 is not in docker-daemon:app:1');
    const digest = parseDigest(`sha256:${'0'.repeat(64)}`);
    await expect(daemon.openBlob({ mediaType: 'any', digest, size: 1 })).rejects.toThrow(
      'is not in docker-daemon:app:1',
    );
  });
});

describe('the temporary file', () => {
  it.skipIf(process.platform === 'win32')('is unlinked while it is read', async () => {
    const directory = await ownTemporaryDirectory();
    const daemon = daemonOf(saving().save);
    await daemon.selector();
    expect(await readdir(directory)).toEqual([]);
  });

  it('can be read by this user only while it is written', async () => {
    const directory = await ownTemporaryDirectory();
    let seen: string[] = [];
    let modes: number[] = [];
    const save: SaveImage = () =>
      Promise.resolve(
        Readable.from(
          (async function* content(): AsyncGenerator<Buffer> {
            yield bytes.subarray(0, 1000);
            seen = await readdir(directory, { recursive: true });
            modes = await Promise.all(
              seen.map(async (name) => (await stat(join(directory, name))).mode & 0o777),
            );
            yield bytes.subarray(1000);
          })(),
        ),
      );
    await daemonOf(save).selector();
    expect(seen).toEqual([
      expect.stringMatching(/^multiarch-docker-[^/]*$/),
      expect.stringMatching(/^multiarch-docker-[^/]*\/image\.tar$/),
    ]);
    if (process.platform !== 'win32') expect(modes).toEqual([0o700, 0o600]);
  });

  it.each<[what: string, content: () => Readable, kind: string]>([
    ['is no archive', () => Readable.from([Buffer.alloc(4096, 'text')]), 'invalid'],
    ['is truncated', () => Readable.from([bytes.subarray(0, 700)]), 'invalid'],
    ['is empty', () => Readable.from([]), 'invalid'],
    ['breaks off', () => breaking(new UnavailableError('the daemon has gone')), 'unavailable'],
    ['breaks off with an error of the system', () => breaking(new Error('read ECONNRESET')), 'failed'],
  ])('is removed if the content %s', async (_, content, kind) => {
    const directory = await ownTemporaryDirectory();
    const daemon = daemonOf(() => Promise.resolve(content()));
    await expect(daemon.selector()).rejects.toMatchObject({ kind });
    expect(await readdir(directory)).toEqual([]);
  });

  it('is not created if the daemon fails', async () => {
    const directory = await ownTemporaryDirectory();
    let asked = 0;
    const daemon = daemonOf(() => {
      asked++;
      return Promise.reject(new NotFoundError('no such image'));
    });
    await expect(daemon.selector()).rejects.toThrow('no such image');
    expect([asked, await readdir(directory)]).toEqual([1, []]);
  });

  it('cannot be created in a missing directory', async () => {
    const directory = await ownTemporaryDirectory();
    process.env['TMPDIR'] = `${directory}/none`;
    const content = Readable.from([bytes]);
    const daemon = daemonOf(() => Promise.resolve(content));
    await expect(daemon.selector()).rejects.toBeInstanceOf(FailedError);
    expect(content.destroyed).toBe(true);
  });

  it('is removed when the daemon is closed after cancellation', async () => {
    const directory = await ownTemporaryDirectory();
    const content = new Readable({ read: () => {} });
    content.push(bytes.subarray(0, 1000));
    const daemon = daemonOf(() => Promise.resolve(content));
    const controller = new AbortController();
    const pending = failureOf(daemon.selector({ signal: controller.signal }));
    await vi.waitUntil(async () => (await readdir(directory, { recursive: true })).length === 2);
    controller.abort();
    expect(await pending).toBeInstanceOf(CancelledError);
    daemon.close();
    daemon.close();
    expect(await readdir(directory)).toEqual([]);
    expect(content.destroyed).toBe(true);
    await expect(daemon.selector()).rejects.toThrow();
  });
});

/** Comes to a part, then fails. */
function breaking(error: Error): Readable {
  return new Readable({
    read(): void {
      this.push(bytes.subarray(0, 1000));
      this.destroy(error);
    },
  });
}
