import {
  chmod,
  chown,
  lstat,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { describe, expect, it, onTestFinished } from 'vitest';

import { openCodeCache } from '../../../src/cli/start/code-cache.js';
import { run as runProgram } from '../../support/run.js';
import { makeSandbox } from '../../support/sandbox.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

const SOURCE = `exports.answer = () => 42;
exports.part = () => require('./part.cjs');
exports.separator = require('node:path').sep;
exports.filename = __filename;
exports.line = new Error().stack.split('\\n')[1];
`;
const NAME = `${process.version}-${process.arch}-cli`;
const isRoot = process.getuid?.() === 0;

interface Exports {
  readonly answer: () => number;
  readonly part: () => unknown;
  readonly separator: string;
  readonly filename: string;
  readonly line: string;
}

/** A program of two files, run as Node 20 runs it, and the cache of its command `ls`. */
async function start() {
  const home = await temporaryDirectory();
  const dist = await temporaryDirectory();
  const file = join(dist, 'cli.cjs');
  await writeFile(file, SOURCE);
  await writeFile(join(dist, 'part.cjs'), 'module.exports = 7;');
  const folder = join(home, 'cache', 'multiarch', 'code', 'ls');
  const open = (env: NodeJS.ProcessEnv = { XDG_CACHE_HOME: join(home, 'cache') }, argv = ['ls']) =>
    openCodeCache({ dist, argv, environment: { env, platform: process.platform }, node: {} });
  const run = async (env?: NodeJS.ProcessEnv): Promise<Exports> => {
    const cache = await open(env);
    const loaded = cache.require('./cli.cjs') as Exports;
    expect(loaded.answer()).toBe(42);
    await cache.keep();
    return loaded;
  };
  /** The identity of the file in the cache: each one that is written is a new file. */
  const written = async () => {
    const { ino, mtimeMs } = await lstat(join(folder, NAME));
    return `${ino} ${mtimeMs}`;
  };
  return { home, dist, file, folder, cached: join(folder, NAME), open, run, written };
}

describe('the program of an executable', () => {
  async function startExecutable() {
    const home = await temporaryDirectory();
    const files = new Map([
      ['cli.cjs', SOURCE],
      ['part.cjs', 'module.exports = 7;'],
    ]);
    const read = (name: string) => Buffer.from(files.get(name) ?? '');
    const load = createRequire(import.meta.url);
    const run = async (env: NodeJS.ProcessEnv) => {
      const dist = { dist: '/bin/multiarch', read, load };
      const cache = await openCodeCache({
        dist,
        argv: ['ls'],
        environment: { env, platform: process.platform },
      });
      const loaded = cache.require('./cli.cjs') as Exports;
      expect(loaded.part()).toBe(7);
      await cache.keep();
      return loaded;
    };
    return { home, run, folder: join(home, 'multiarch', 'code', 'ls') };
  }

  it('is loaded as files beside the executable, and its code is kept', async () => {
    const { home, run, folder } = await startExecutable();
    for (let count = 0; count < 2; count++) {
      const { filename, line } = await run({ XDG_CACHE_HOME: home });
      expect(filename).toBe(join('/bin/multiarch', 'cli.cjs'));
      expect(line).toContain(`${filename}:5:`);
      expect((await readdir(folder)).toSorted()).toEqual([NAME, NAME.replace('cli', 'part')]);
    }
  });

  it('is loaded without a cache', async () => {
    const { home, run } = await startExecutable();
    await run({ XDG_CACHE_HOME: home, NODE_DISABLE_COMPILE_CACHE: '1' });
    expect(await readdir(home)).toEqual([]);
  });
});

describe('the code cache of Node 20', () => {
  it('is written by the first run, and used by the second', async () => {
    const { run, written, folder, cached } = await start();
    await run();
    expect(await readdir(folder)).toEqual([NAME]);
    const first = await written();
    await run();
    expect(await written()).toBe(first);
    expect((await lstat(cached)).mode & 0o777).toBe(0o600);
    expect((await lstat(folder)).mode & 0o777).toBe(0o700);
  });

  it('loads files as Node does', async () => {
    const { run, file } = await start();
    for (let count = 0; count < 2; count++) {
      const { part, separator, filename, line } = await run();
      expect(part()).toBe(7);
      expect(separator).toBe(createRequire(import.meta.url)('node:path').sep);
      expect(filename).toBe(file);
      expect(line).toContain(`${file}:5:`);
    }
  });

  it('has each file once, with its own compiled code', async () => {
    const { open, folder } = await start();
    const cache = await open();
    const loaded = cache.require('./cli.cjs') as Exports;
    expect(cache.require('./cli.cjs')).toBe(loaded);
    loaded.part();
    await cache.keep();
    expect((await readdir(folder)).toSorted()).toEqual([NAME, NAME.replace('cli', 'part')]);
  });

  it.each([
    ['is empty', () => Buffer.alloc(0)],
    ['is cut off', (bytes: Buffer) => bytes.subarray(0, bytes.length >> 1)],
    ['has another byte in the code', (bytes: Buffer) => changed(bytes, bytes.length >> 1)],
    ['has another byte at the end', (bytes: Buffer) => changed(bytes, bytes.length - 1)],
    ['has another hash', (bytes: Buffer) => changed(bytes, 0)],
    ['is longer', (bytes: Buffer) => Buffer.concat([bytes, Buffer.from('x')])],
  ])('is ignored and replaced if it %s', async (_what, change) => {
    const { run, written, cached } = await start();
    await run();
    const good = await readFile(cached);
    await writeFile(cached, change(good));
    const before = await written();
    await run();
    expect(await written()).not.toBe(before);
    const after = await written();
    await run();
    expect(await written()).toBe(after);
  });

  it('is replaced if the program has changed, also to one of the same length', async () => {
    const { run, written, file, open } = await start();
    await run();
    const before = await written();
    await writeFile(file, SOURCE.replace('42', '43'));
    const cache = await open();
    expect((cache.require('./cli.cjs') as Exports).answer()).toBe(43);
    await cache.keep();
    expect(await written()).not.toBe(before);
  });

  it('is not that of another version of Node', async () => {
    const { run, cached, folder } = await start();
    await run();
    const other = join(folder, `v0.1.0-${process.arch}-cli`);
    await rename(cached, other);
    await run();
    expect((await readdir(folder)).toSorted()).toEqual([`v0.1.0-${process.arch}-cli`, NAME].toSorted());
  });

  it('is each command’s own, and has a folder for all else', async () => {
    const { open, home } = await start();
    for (const argv of [['create', 'app:1'], ['--debug', 'ls'], ['../../x'], ['__proto__'], []]) {
      await open(undefined, argv);
    }
    expect((await readdir(join(home, 'cache', 'multiarch', 'code'))).toSorted()).toEqual(['create', 'other']);
  });

  it.skipIf(process.platform === 'win32').each([
    ['the file is writable by all', (cached: string) => chmod(cached, 0o666)],
    ['the file is writable by the group', (cached: string) => chmod(cached, 0o620)],
    [
      'the file is a link',
      async (cached: string) => {
        await rename(cached, `${cached}.target`);
        await symlink(`${cached}.target`, cached);
      },
    ],
  ])('is ignored and replaced if %s', async (_what, change) => {
    const { run, written, cached } = await start();
    await run();
    await change(cached);
    const before = await written();
    await run();
    expect(await written()).not.toBe(before);
    expect((await lstat(cached)).mode & 0o777).toBe(0o600);
  });

  it.runIf(isRoot)('is ignored if the file belongs to another user', async () => {
    const { run, written, cached } = await start();
    await run();
    await chown(cached, 12345, 0);
    const before = await written();
    await run();
    expect(await written()).not.toBe(before);
    expect((await lstat(cached)).uid).toBe(0);
  });

  describe.skipIf(process.platform === 'win32')('is neither read nor written', () => {
    const untrusted: [string, (folder: string, home: string) => Promise<unknown>][] = [
      ['its folder is writable by all', (folder) => chmod(folder, 0o777)],
      ['its folder is writable by the group', (folder) => chmod(folder, 0o770)],
      ['the folder of all commands is writable by the group', (folder) => chmod(dirname(folder), 0o770)],
      ['the cache directory is writable by all', (folder) => chmod(dirname(dirname(folder)), 0o777)],
      ['others can replace the cache directory', (_folder, home) => chmod(join(home, 'cache'), 0o777)],
      [
        'its folder is a link',
        async (folder) => {
          await rename(folder, `${folder}-target`);
          await symlink(`${folder}-target`, folder);
        },
      ],
      ...(isRoot
        ? ([
            ['its folder belongs to another user', (folder) => chown(folder, 12345, 0)],
            [
              'the cache directory belongs to another user',
              (folder) => chown(dirname(dirname(folder)), 12345, 0),
            ],
            ['a parent belongs to another user', (_folder, home) => chown(join(home, 'cache'), 12345, 0)],
          ] satisfies [string, (folder: string, home: string) => Promise<unknown>][])
        : []),
    ];

    it.each(untrusted)('if %s', async (_what, change) => {
      const { run, written, folder, home, cached } = await start();
      // The temporary directory is private, so what is below cannot be reached by others.
      await chmod(home, 0o755);
      await run();
      const bytes = changed(await readFile(cached), 40);
      await writeFile(cached, bytes);
      const before = await written();
      await change(folder, home);
      await run();
      expect(await written()).toBe(before);
      expect(await readFile(cached)).toEqual(bytes);
    });

    it('if a directory cannot be created', async () => {
      const { run, home } = await start();
      const file = join(home, 'file');
      await writeFile(file, '');
      await run({ XDG_CACHE_HOME: file });
      await run({ XDG_CACHE_HOME: '/proc/multiarch' });
      expect(await readFile(file, 'utf8')).toBe('');
    });

    it('if NODE_DISABLE_COMPILE_CACHE is set', async () => {
      const { run, home } = await start();
      await run({ XDG_CACHE_HOME: join(home, 'cache'), NODE_DISABLE_COMPILE_CACHE: '1' });
      expect(await readdir(home)).toEqual([]);
    });
  });

  it('is below a private directory, whatever the modes between', async () => {
    const { run, written, home } = await start();
    await mkdir(join(home, 'cache'));
    await chmod(join(home, 'cache'), 0o777);
    await chmod(home, 0o700);
    await run();
    const first = await written();
    await run();
    expect(await written()).toBe(first);
  });

  it('keeps the newest entries of many', async () => {
    const { run, folder } = await start();
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const old = Array.from({ length: 40 }, (_, count) => `v1.${count}.0-x64-cli`);
    for (const name of old) await writeFile(join(folder, name), '');
    await run();
    const names = await readdir(folder);
    expect(names).toHaveLength(32);
    expect(names).toContain(NAME);
  });
});

describe('the code cache of Node 22 and newer', () => {
  it('is Node’s own, in a directory that only this user can write to', async () => {
    const home = await temporaryDirectory();
    const used: string[] = [];
    const call = (): Promise<unknown> =>
      openCodeCache({
        dist: home,
        argv: ['ls'],
        environment: { env: { HOME: home }, platform: 'linux' },
        node: {
          enableCompileCache: (directory) => {
            used.push(directory);
            return { directory };
          },
        },
      });
    await call();
    expect(used).toEqual([join(home, '.cache', 'multiarch', 'code', 'ls')]);
    expect((await lstat(used[0] ?? '')).mode & 0o777).toBe(0o700);
    await chmod(join(home, '.cache', 'multiarch'), 0o777);
    await call();
    expect(used).toHaveLength(1);
  });
});

describe('the program', () => {
  it('keeps its code for the next run, and does without it silently', async () => {
    const sandbox = await makeSandbox();
    onTestFinished(() => sandbox.remove());
    const code = join(sandbox.directory, 'cache', 'multiarch', 'code');
    const env = { ...sandbox.env, XDG_CACHE_HOME: join(sandbox.directory, 'cache') };
    const launcher = fileURLToPath(new URL('../../../bin/multiarch.js', import.meta.url));
    const call = async (): Promise<void> => {
      // Not `multiarchProcess`, which turns the cache off.
      expect(await runProgram(process.execPath, [launcher, 'ls', '-q'], { env })).toMatchObject({
        code: 0,
        stdout: '',
        stderr: '',
      });
    };
    const files = async (): Promise<readonly string[]> => {
      const entries = await readdir(join(code, 'ls'), { recursive: true, withFileTypes: true });
      return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    };
    await call();
    const kept = await files();
    expect(kept).not.toEqual([]);
    for (const file of kept) await writeFile(file, changed(await readFile(file), 1000));
    await call();
    await chmod(join(code, 'ls'), 0o777);
    await call();
    await rm(code, { recursive: true });
    await writeFile(code, '');
    await call();
    expect(await readFile(code, 'utf8')).toBe('');
  });
});

function changed(bytes: Buffer, position: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[position] = (copy[position] ?? 0) ^ 1;
  return copy;
}
