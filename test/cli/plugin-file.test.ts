import { chmod, lstat, mkdir, readdir, readFile, readlink, symlink, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

import { describe, expect, it } from 'vitest';

import {
  currentProgram,
  installPlugin,
  pluginDirectory,
  removePlugin,
  type PluginProgram,
  type PluginSettings,
} from '../../src/cli/plugin-file.js';
import { FailedError } from '../../src/oci/errors.js';
import { makeCommandLine } from '../support/in-process.js';
import { failureOf } from '../support/failure.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

/** A program that prints metadata as a plugin of this vendor. */
const pluginOf = (vendor: string): string =>
  `#!/bin/sh\n[ "$1" = docker-cli-plugin-metadata ] && echo '{"SchemaVersion":"0.1.0","Vendor":"${vendor}"}'\n`;

interface Start {
  readonly settings: PluginSettings;
  /** The path of the plugin. */
  readonly path: string;
  readonly directory: string;
  /** Writes an executable file. */
  readonly write: (name: string, content: string) => Promise<string>;
}

async function start(
  platform: 'darwin' | 'linux' | 'win32' = 'linux',
  isExecutable = platform === 'win32',
): Promise<Start> {
  const directory = await temporaryDirectory();
  const write = async (name: string, content: string): Promise<string> => {
    const path = join(directory, name);
    await writeFile(path, content);
    await chmod(path, 0o755);
    return path;
  };
  const file = await write('multiarch', 'this program');
  const plugins = join(directory, 'docker/cli-plugins');
  return {
    settings: { directory: plugins, platform, program: { file, path: file, isExecutable } },
    path: join(plugins, platform === 'win32' ? 'docker-multiarch.exe' : 'docker-multiarch'),
    directory,
    write,
  };
}

/** What is at the path of the plugin, put there before a call. */
type Earlier = (start: Start) => Promise<unknown>;

const link = (target: string) => (from: Start) => symlink(join(from.directory, target), from.path);
const file = (content: string) => async (from: Start) => {
  await writeFile(from.path, content);
  await chmod(from.path, 0o755);
};

/** What exists before, and the outcomes of install and of remove; `error` if it is another program. */
const STATES: readonly (readonly [string, Earlier, 'installed' | 'updated' | 'unchanged' | 'error'])[] = [
  ['nothing', async () => {}, 'installed'],
  ['a link to this program', link('multiarch'), 'unchanged'],
  ['a copy of this program', file('this program'), 'unchanged'],
  [
    'a link to a link to this program',
    async (from) => {
      await symlink(from.settings.program.file, join(from.directory, 'on-the-path'));
      await link('on-the-path')(from);
    },
    'unchanged',
  ],
  ['a link to nothing', link('removed'), 'updated'],
  ['a link to itself', (from) => symlink(from.path, from.path), 'updated'],
  ['another version of it', file(pluginOf('multiarch')), 'updated'],
  [
    'a link to another installation',
    async (from) => {
      await from.write('elsewhere', pluginOf('multiarch'));
      await link('elsewhere')(from);
    },
    'updated',
  ],
  ['a plugin of another vendor', file(pluginOf('Docker Inc.')), 'error'],
  ['a program that fails', file('#!/bin/sh\necho {}; exit 1\n'), 'error'],
  ['a file of the same size that is no program', file('that program'), 'error'],
  ['an empty file', file(''), 'error'],
  ['a directory', (from) => mkdir(from.path), 'error'],
];

describe('the plugin', () => {
  it.each(
    STATES.flatMap((row) =>
      (['linux', 'darwin', 'win32'] as const).map((platform) => [platform, ...row] as const),
    ),
  )('on %s, where %s exists', async (platform, _, prepare, outcome) => {
    const from = await start(platform);
    const { settings, path } = from;
    await mkdir(settings.directory, { recursive: true });
    await prepare(from);
    const before = await contentOf(path);
    if (outcome === 'error') {
      for (const call of [installPlugin, removePlugin]) {
        const { message, hint } = await failureOf(call(settings), FailedError);
        expect(message).toContain(path);
        expect(hint).toBeDefined();
        expect(await contentOf(path)).toEqual(before);
      }
      return;
    }
    const method = platform === 'win32' ? 'copy' : 'link';
    const program = settings.program.path;
    expect(await installPlugin(settings)).toEqual({ path, outcome, method, program });
    if (outcome !== 'unchanged') {
      const written = method === 'copy' ? 'this program' : { link: program };
      expect(await contentOf(path)).toEqual(written);
    }
    expect(await installPlugin(settings)).toMatchObject({ outcome: 'unchanged' });
    expect(await readdir(settings.directory)).toHaveLength(1);
    expect(await removePlugin(settings)).toEqual({ path, outcome: 'removed' });
    expect(await removePlugin(settings)).toEqual({ path, outcome: 'absent' });
    expect(await readdir(settings.directory)).toEqual([]);
  });

  it('creates directories that only the user can open, as docker does for its configuration', async () => {
    const { settings, directory } = await start();
    await installPlugin(settings);
    expect((await lstat(join(directory, 'docker'))).mode & 0o777).toBe(0o700);
  });

  it('is executable as a copy', async () => {
    const { settings, path } = await start('win32');
    await installPlugin(settings);
    expect((await lstat(path)).mode & 0o700).toBe(0o700);
  });

  it('needs an executable on Windows', async () => {
    const { settings } = await start('win32', false);
    expect(await failureOf(installPlugin(settings))).toMatchObject({
      kind: 'failed',
      message: 'cannot install the plugin: docker on Windows starts .exe files only',
      hint: expect.stringContaining('Download the executable for Windows') as string,
    });
    expect(await removePlugin(settings)).toMatchObject({ outcome: 'absent' });
  });

  it('is not installed where a file has the name of a directory', async () => {
    const { settings, directory } = await start();
    await writeFile(join(directory, 'docker'), '');
    expect(await failureOf(installPlugin(settings))).toMatchObject({
      message: expect.stringMatching(/a part of the path is not a directory$/) as string,
    });
  });
});

async function contentOf(path: string): Promise<string | { readonly link: string } | undefined> {
  const stats = await lstat(path).catch(() => undefined);
  if (stats?.isSymbolicLink() === true) return { link: await readlink(path) };
  if (stats?.isDirectory() === true) return 'directory';
  return stats === undefined ? undefined : readFile(path, 'utf8');
}

describe('the directory for plugins', () => {
  it.each([
    [{ HOME: '/home/ann' }, '/home/ann/.docker/cli-plugins'],
    [{ HOME: '/home/ann', DOCKER_CONFIG: '' }, '/home/ann/.docker/cli-plugins'],
    [{ HOME: '/home/ann', DOCKER_CONFIG: '/etc/docker' }, '/etc/docker/cli-plugins'],
    [{ HOME: '/home/ann', DOCKER_CONFIG: 'config' }, join(process.cwd(), 'config/cli-plugins')],
  ])('for %j', (env, directory) => {
    expect(pluginDirectory(env)).toBe(directory);
  });
});

describe('the program to install', () => {
  /** A program with links to it, and the program that is found for a call of it. */
  async function found(
    started: string,
    { isExecutable, path = '' }: { readonly isExecutable: boolean; readonly path?: string },
  ): Promise<PluginProgram & { readonly directory: string }> {
    const { directory, settings } = await start();
    for (const name of ['bin', 'cli-plugins', 'other']) await mkdir(join(directory, name));
    await symlink(settings.program.file, join(directory, 'bin/multiarch'));
    await symlink(settings.program.file, join(directory, 'cli-plugins/docker-multiarch'));
    await writeFile(join(directory, 'other/multiarch'), '');
    const at = (name: string): string => name.replaceAll('DIR', directory);
    const execPath = isExecutable ? settings.program.file : process.execPath;
    const env = { PATH: path.split(':').map(at).join(delimiter) };
    return {
      directory,
      ...(await currentProgram(env, { argv: [execPath, at(started)], execPath }, isExecutable)),
    };
  }

  it.each([
    ['a link on the PATH', 'DIR/bin/multiarch', { isExecutable: false }, 'bin/multiarch'],
    ['the launcher itself', 'DIR/multiarch', { isExecutable: false }, 'multiarch'],
    ['the plugin', 'DIR/cli-plugins/docker-multiarch', { isExecutable: false }, 'multiarch'],
    ['an executable by its path', 'DIR/bin/multiarch', { isExecutable: true }, 'bin/multiarch'],
    [
      'an executable by its name',
      'multiarch',
      { isExecutable: true, path: 'DIR/none:DIR/other:DIR/bin' },
      'bin/multiarch',
    ],
    [
      'an executable that is not on the PATH',
      'multiarch',
      { isExecutable: true, path: 'DIR/other' },
      'multiarch',
    ],
    ['an executable as the plugin', 'DIR/cli-plugins/docker-multiarch', { isExecutable: true }, 'multiarch'],
  ])('is found if it was started as %s', async (_, started, options, path) => {
    const { directory, ...program } = await found(started, options);
    expect(program).toEqual({
      file: join(directory, 'multiarch'),
      path: join(directory, path),
      isExecutable: options.isExecutable,
    });
  });
});

describe('multiarch plugin', () => {
  it('prints what it has done, and does it once', async () => {
    const { run, directory } = await makeCommandLine();
    const path = join(directory, 'docker/cli-plugins/docker-multiarch');
    const outputs = [];
    for (const action of ['install', 'install', 'remove', 'remove']) {
      const { code, stdout, stderr } = await run(['plugin', action]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      outputs.push(stdout);
    }
    expect(outputs).toEqual([
      `Installed ${path}\n`,
      `Already installed: ${path}\n`,
      `Removed ${path}\n`,
      `Not installed: ${path}\n`,
    ]);
  });

  it('suggests the action that was probably meant', async () => {
    const { run } = await makeCommandLine();
    expect(await run(['plugin', 'instal'])).toMatchObject({
      code: 125,
      stderr: expect.stringContaining('unknown action: instal\nhint: Did you mean install?') as string,
    });
  });

  it('works with a mistake in the configuration file', async () => {
    const { run } = await makeCommandLine();
    expect(await run(['plugin', 'install'], { env: { MULTIARCH_RETRIES: 'many' } })).toMatchObject({
      code: 0,
    });
  });
});
