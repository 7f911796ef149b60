import { execFileSync } from 'node:child_process';
import {
  chmod,
  chown,
  lstat,
  mkdir,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';

import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';

import { FileCache, type CacheBounds } from '../../src/cache/file-cache.js';
import { MAX_KEPT_BYTES } from '../../src/content/content-cache.js';
import { digestOf, parseDigest } from '../../src/oci/digest.js';
import { parseReference } from '../../src/oci/reference.js';
import type { CacheJob, CacheJobResult } from '../support/cache-process-main.js';
import { leaveLeftovers, leftoversIn } from '../support/leftovers.js';
import { makeNodeProcesses } from '../support/node-processes.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const app = parseReference('registry.example.com/app');
const bytes = Buffer.from('{"schemaVersion":2}');
const digest = digestOf(bytes);
const isRoot = process.getuid?.() === 0;
const onPosix = process.platform !== 'win32';

let root: string;
let directory: string;
beforeEach(async () => {
  root = await temporaryDirectory();
  directory = join(root, 'cache', 'multiarch');
});

/** A cache as another run opens it, and the reasons of its failures. */
function open(bounds?: CacheBounds) {
  const failures: string[] = [];
  const cache = new FileCache({ directory, bounds, onFailure: (reason) => void failures.push(reason) });
  const put = async (content: Uint8Array = bytes): Promise<void> => {
    cache.put(app, digestOf(content), content);
    await cache.flush();
  };
  return { cache, failures, put, get: () => cache.get(app, digest) };
}

/** The files of the cache and their directories. */
async function paths(of: 'file' | 'directory' = 'file'): Promise<string[]> {
  const entries = await readdir(join(root, 'cache'), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory() === (of === 'directory'))
    .map((entry) => join(entry.parentPath, entry.name));
}

async function onlyFile(): Promise<string> {
  const [path = '', ...others] = await paths();
  expect(others).toEqual([]);
  return path;
}

const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;

describe('a cache', () => {
  it('returns what an earlier run has put, and nothing else', async () => {
    await open().put();
    const { cache, failures, get } = open();

    expect(await get()).toEqual(bytes);
    expect(await cache.get(parseReference('registry.example.com/other'), digest)).toBeUndefined();
    expect(await cache.get(app, digestOf(Buffer.from('other')))).toBeUndefined();
    expect(await readFile(await onlyFile())).toEqual(bytes);
    expect(failures).toEqual([]);
  });

  it('keeps content of sha512, and nothing that it cannot verify', async () => {
    const { cache } = open();
    const sha512 = digestOf(bytes, 'sha512');
    const other = parseDigest('blake3:abc');
    cache.put(app, sha512, bytes);
    cache.put(app, other, bytes);
    await cache.flush();

    expect(await cache.get(app, sha512)).toEqual(bytes);
    expect(await cache.get(app, other)).toBeUndefined();
    await onlyFile();
  });

  it('does not keep what is larger than any usual document', async () => {
    const { cache, put } = open();
    await put(Buffer.alloc(MAX_KEPT_BYTES + 1));
    expect(await paths().catch(() => [])).toEqual([]);

    const largest = Buffer.alloc(MAX_KEPT_BYTES);
    await put(largest);
    expect(largest.equals((await cache.get(app, digestOf(largest))) ?? bytes)).toBe(true);
  });

  it('does not write a file again', async () => {
    await open().put();
    const { ino } = await stat(await onlyFile());
    await open().put();
    expect((await stat(await onlyFile())).ino).toBe(ino);
  });

  it.runIf(onPosix)('is private, whatever the umask', async () => {
    const umask = process.umask(0);
    onTestFinished(() => void process.umask(umask));
    await open().put();

    expect(await modeOf(await onlyFile())).toBe(0o600);
    for (const path of await paths('directory')) expect(await modeOf(path), path).toBe(0o700);
  });

  it.runIf(onPosix)('becomes private if others can read it', async () => {
    await mkdir(directory, { recursive: true, mode: 0o755 });
    await open().put();
    expect(await modeOf(directory)).toBe(0o700);
  });
});

describe('a file that is not what was put', () => {
  /** Replaces the only file. */
  const replace =
    (make: (path: string) => Promise<unknown> | void) =>
    async (path: string): Promise<void> => {
      await rm(path);
      await make(path);
    };

  it.each<[string, (path: string) => Promise<unknown> | void]>([
    ['changed', (path) => writeFile(path, Buffer.from('{"schemaVersion":1}'))],
    ['empty', (path) => truncate(path, 0)],
    ['cut', (path) => truncate(path, 5)],
    ['longer', (path) => writeFile(path, Buffer.concat([bytes, bytes]))],
    ['far too long', (path) => truncate(path, 1 << 40)],
    ['a directory', replace((path) => mkdir(join(path, 'below'), { recursive: true }))],
    ...(onPosix
      ? ([
          ['a link to a file', replace((path) => symlink('/etc/hostname', path))],
          ['a link to the right content', replace((path) => symlink(join(root, 'right'), path))],
          ['a broken link', replace((path) => symlink('nowhere', path))],
          ['a pipe', replace((path) => void execFileSync('mkfifo', [path]))],
        ] satisfies [string, (path: string) => Promise<unknown> | void][])
      : []),
  ])('is removed and fetched again: %s', async (_, tamper) => {
    await writeFile(join(root, 'right'), bytes);
    await open().put();
    const path = await onlyFile();
    await tamper(path);
    const { get, put, failures } = open();

    expect(await get()).toBeUndefined();
    expect(await lstat(path).catch(() => undefined)).toBeUndefined();
    await put();
    expect(await get()).toEqual(bytes);
    expect((await lstat(path)).isFile()).toBe(true);
    expect(await readFile(join(root, 'right'))).toEqual(bytes);
    expect(failures).toEqual([]);
  });

  it.runIf(onPosix)('is never written through a link', async () => {
    await open().put();
    const path = await onlyFile();
    const outside = join(root, 'outside');
    await writeFile(outside, 'mine');
    await rm(path);
    await symlink(outside, path);

    await open().put();

    expect(await readFile(outside, 'utf8')).toBe('mine');
    expect((await lstat(path)).isFile()).toBe(true);
  });
});

describe('a cache that cannot be used', () => {
  const unusable: [string, () => Promise<unknown>, RegExp][] = [
    [
      'a file has its name',
      () => writeFile(directory, ''),
      /a part of the path is not a directory|not a dir/,
    ],
    ['a link', () => symlink(root, directory), /cannot use .*multiarch: it is a symbolic link/],
    [
      'a link further down',
      async () => {
        await mkdir(directory, { mode: 0o700 });
        await symlink(root, join(directory, 'content'));
      },
      /cannot use .*content: it is a symbolic link/,
    ],
    [
      'others can write to it',
      async () => {
        await mkdir(directory);
        await chmod(directory, 0o777);
      },
      /other users can write to it/,
    ],
  ];

  it.runIf(onPosix).each(unusable)('is done without, and reported once: %s', async (_, prepare, reason) => {
    await mkdir(join(root, 'cache'));
    await prepare();
    const before = await readdir(root, { recursive: true });
    const { get, put, failures } = open();

    await put();
    expect(await get()).toBeUndefined();

    expect(failures).toEqual([expect.stringMatching(reason)]);
    expect(await readdir(root, { recursive: true })).toEqual(before);
  });

  it.runIf(isRoot)('belongs to another user', async () => {
    await mkdir(directory, { recursive: true });
    await chown(directory, 54321, 54321);
    const { put, failures } = open();
    await put();
    expect(failures).toEqual([expect.stringContaining('it belongs to another user')]);
  });

  it('has no directory', async () => {
    const failures: string[] = [];
    const cache = new FileCache({ directory: undefined, onFailure: (reason) => void failures.push(reason) });
    cache.put(app, digest, bytes);
    await cache.flush();
    expect(await cache.get(app, digest)).toBeUndefined();
    expect(failures).toEqual(['cannot use the cache: the user has no home directory']);
  });

  it('was removed while it was used: nothing fails', async () => {
    const { put, get, failures } = open();
    await put();
    await rm(directory, { recursive: true });
    await put();
    expect(await get()).toBeUndefined();
    expect(failures).toEqual([]);
  });
});

describe('the bounds', () => {
  const documents = Array.from({ length: 6 }, (_, number) => Buffer.from(`document ${number}`));
  /** Puts documents one after the other, each a day younger than the one before. */
  async function fill(bounds: CacheBounds): Promise<void> {
    for (const [age, document] of documents.toReversed().entries()) {
      const before = await paths().catch((): string[] => []);
      await open(bounds).put(document);
      const days = Date.now() / 1000 - (documents.length - age) * 86_400;
      for (const path of await paths()) if (!before.includes(path)) await utimes(path, days, days);
    }
  }
  const kept = async (bounds: CacheBounds): Promise<number[]> => {
    const { cache } = open(bounds);
    const found = await Promise.all(documents.map((document) => cache.get(app, digestOf(document))));
    return found.flatMap((document, number) => (document === undefined ? [] : [number]));
  };

  it.each([
    [{ folders: 1, files: 4, bytes: 1000 }, [0, 1, 2, 3]],
    // Each document has ten bytes.
    [{ folders: 1, files: 100, bytes: 35 }, [0, 1, 2]],
  ])('%o keep the newest files', async (bounds, expected) => {
    await fill(bounds);
    expect(await kept(bounds)).toEqual(expected);
  });

  it('count a file that is read as new', async () => {
    await fill({ folders: 1, files: 6, bytes: 1000 });
    const { cache, put } = open({ folders: 1, files: 3, bytes: 1000 });
    const [, , , , , oldest = bytes] = documents;
    expect(await cache.get(app, digestOf(oldest))).toEqual(oldest);

    await put();

    expect(await kept({ folders: 1, files: 3, bytes: 1000 })).toEqual([0, 5]);
  });

  it('hold for each folder', async () => {
    const bounds = { folders: 4, files: 3, bytes: 1000 };
    const { cache } = open(bounds);
    for (let number = 0; number < 50; number += 1) {
      const document = Buffer.from(`document ${number}`);
      cache.put(app, digestOf(document), document);
    }
    await cache.flush();
    expect(await paths()).toHaveLength(12);
  });
});

describe('several processes', () => {
  it('share one cache without a failure, within its bounds', async () => {
    const main = new URL('../support/cache-process-main.ts', import.meta.url);
    const processes = await makeNodeProcesses<CacheJob, CacheJobResult>(main);
    onTestFinished(() => processes.remove());
    const jobs = Array.from({ length: 3 }, () => processes.finish({ directory, count: 100 }));

    for (const { failures, found } of await Promise.all(jobs)) {
      expect(failures).toEqual([]);
      expect(found).toBeGreaterThan(0);
    }
    expect(await leftoversIn(directory)).toEqual([]);
    expect((await paths()).length).toBeLessThanOrEqual(40);
  });

  it('remove what a killed one has left', async () => {
    await open().put();
    await leaveLeftovers(join(directory, 'content', 'tmp'));
    await open().put(Buffer.from('another'));
    expect(await leftoversIn(directory)).toEqual([]);
  });
});
