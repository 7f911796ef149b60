import { execFile } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { lstat, readFile, realpath, rename, rm, symlink } from 'node:fs/promises';
import { basename, delimiter, join, resolve } from 'node:path';
import { isSea } from 'node:sea';
import { promisify } from 'node:util';

import { findHome } from '../environment.js';
import { writeFileAtomically } from '../files/atomic-write.js';
import { errorCode, fileError, ifExists, withFileErrors } from '../files/file-error.js';
import { makeDirectory, MODES } from '../files/make-directory.js';
import { sweep } from '../files/sweep.js';
import { temporaryName } from '../files/temporary-name.js';
import { FailedError } from '../oci/errors.js';
import { METADATA_COMMAND, PLUGIN_PROGRAM, VENDOR } from './start/quick-answer.js';

/** In milliseconds, for a plugin to print its metadata. docker calls all plugins each time it shows its help. */
const TIME_LIMIT = 10_000;
const ELSEWHERE = 'set DOCKER_CONFIG to another directory';

/** The program that is installed as a plugin. */
export interface PluginProgram {
  /** The launcher or the single executable, without symbolic links. */
  readonly file: string;
  /** The path to link to, which stays valid after an update: that of the command on the PATH, if it leads to the file. */
  readonly path: string;
  /** Whether it is an executable that needs no Node.js. */
  readonly isExecutable: boolean;
}

export interface PluginSettings {
  /** docker's directory for the plugins of this user. */
  readonly directory: string;
  readonly platform: NodeJS.Platform;
  readonly program: PluginProgram;
}

export interface InstalledPlugin {
  readonly path: string;
  readonly outcome: 'installed' | 'updated' | 'unchanged';
  readonly method: 'link' | 'copy';
  /** What the plugin was linked to, or copied from. */
  readonly program: string;
}

export interface RemovedPlugin {
  readonly path: string;
  readonly outcome: 'removed' | 'absent';
}

/**
 * Returns docker's directory for plugins of this user: `cli-plugins` in DOCKER_CONFIG or `~/.docker`.
 * @throws FailedError if the user has no home directory
 */
export function pluginDirectory(env: NodeJS.ProcessEnv): string {
  const home = findHome(env);
  const config = env['DOCKER_CONFIG'] || (home && join(home, '.docker'));
  if (config) return resolve(config, 'cli-plugins');
  throw new FailedError('no directory for docker plugins: the user has no home directory', {
    hint: "Set HOME, or DOCKER_CONFIG to docker's directory.",
  });
}

/** Returns the program of this process. */
export async function currentProgram(
  env: NodeJS.ProcessEnv,
  { argv, execPath }: Pick<NodeJS.Process, 'argv' | 'execPath'> = process,
  isExecutable = isSea(),
): Promise<PluginProgram> {
  const started = argv[1] ?? execPath;
  const file = await realpath(isExecutable ? execPath : started);
  // A shell passes the name of an executable as it was typed.
  const directories = basename(started) === started ? (env['PATH'] ?? '').split(delimiter) : ['.'];
  for (const directory of directories) {
    const path = resolve(directory, started);
    // As the plugin, it would be linked to itself.
    if (isPlugin(path)) continue;
    if ((await realpath(path).catch(() => undefined)) === file) return { file, path, isExecutable };
  }
  return { file, path: file, isExecutable };
}

function isPlugin(path: string): boolean {
  return basename(path).replace(/\.exe$/i, '') === PLUGIN_PROGRAM;
}

/**
 * Installs the program as a docker plugin: as a link, so that an update of the program is one of the plugin. On Windows, docker
 * starts only executables, and links need a privilege, so an executable is copied.
 *
 * @throws FailedError if another program has the name of the plugin, on Windows for a program that needs Node.js, and if the
 *   file system fails
 */
export async function installPlugin(settings: PluginSettings): Promise<InstalledPlugin> {
  const { directory, platform, program } = settings;
  const path = pathOf(settings);
  if (platform === 'win32' && !program.isExecutable) {
    throw new FailedError('cannot install the plugin: docker on Windows starts .exe files only', {
      hint: 'Download the executable for Windows, and run its plugin install. See https://github.com/multiarch-cli/multiarch/blob/main/docs/install.md#docker-plugin.',
    });
  }
  const state = await stateOf(settings);
  if (state === 'other') {
    throw new FailedError(`cannot install ${path}: another program has this name`, {
      hint: 'Move it away, and run the command again.',
    });
  }
  const method = platform === 'win32' ? 'copy' : 'link';
  const source = method === 'copy' ? program.file : program.path;
  if (state === 'same') return { path, outcome: 'unchanged', method, program: source };
  await withFileErrors(
    'install',
    path,
    async () => {
      await makeDirectory(directory, MODES.privateDirectory);
      await sweep(directory);
      if (method === 'link') await linkAtomically(source, path, directory);
      else {
        await writeFileAtomically(path, createReadStream(source), {
          temporaryDirectory: directory,
          mode: MODES.sharedDirectory,
        });
      }
    },
    ELSEWHERE,
  );
  return { path, outcome: state === 'absent' ? 'installed' : 'updated', method, program: source };
}

/**
 * Removes the plugin of this program, of any version.
 * @throws FailedError if another program has its name, and if the file system fails
 */
export async function removePlugin(settings: PluginSettings): Promise<RemovedPlugin> {
  const path = pathOf(settings);
  const state = await stateOf(settings);
  if (state === 'absent') return { path, outcome: 'absent' };
  if (state === 'other') {
    throw new FailedError(`cannot remove ${path}: it is another program`, {
      hint: 'Delete it yourself if it is not needed.',
    });
  }
  try {
    await rm(path);
  } catch (error) {
    throw fileError('remove', path, error, 'run multiarch plugin remove while docker is not running it');
  }
  return { path, outcome: 'removed' };
}

function pathOf({ directory, platform }: PluginSettings): string {
  return join(directory, platform === 'win32' ? `${PLUGIN_PROGRAM}.exe` : PLUGIN_PROGRAM);
}

/** `dangling`: a link that leads to no file; `same`: this program; `own`: another version or installation of it. */
type State = 'absent' | 'dangling' | 'same' | 'own' | 'other';

async function stateOf(settings: PluginSettings): Promise<State> {
  const path = pathOf(settings);
  const { file } = settings.program;
  return withFileErrors('read', path, async () => {
    const stats = await ifExists(() => lstat(path));
    if (stats === undefined) return 'absent';
    const real = await realpath(path).catch((error: unknown) => {
      if (['ENOENT', 'ELOOP'].includes(errorCode(error) ?? '')) return undefined;
      throw error;
    });
    if (real === undefined) return 'dangling';
    if (real === file || (stats.isFile() && (await haveEqualContent(path, file)))) return 'same';
    return (await isOwnPlugin(path)) ? 'own' : 'other';
  });
}

async function haveEqualContent(a: string, b: string): Promise<boolean> {
  const sizes = await Promise.all([a, b].map(async (path) => (await lstat(path)).size));
  if (sizes[0] !== sizes[1]) return false;
  const [first, second] = await Promise.all([readFile(a), readFile(b)]);
  return first.equals(second);
}

/** Asks a plugin whose it is, as docker does. */
async function isOwnPlugin(path: string): Promise<boolean> {
  try {
    const options = { timeout: TIME_LIMIT, killSignal: 'SIGKILL', windowsHide: true } as const;
    const { stdout } = await promisify(execFile)(path, [METADATA_COMMAND], options);
    const metadata: unknown = JSON.parse(stdout);
    return (
      typeof metadata === 'object' && metadata !== null && 'Vendor' in metadata && metadata.Vendor === VENDOR
    );
  } catch {
    // It cannot be started, fails, or prints something else.
    return false;
  }
}

async function linkAtomically(target: string, path: string, directory: string): Promise<void> {
  const temporary = join(directory, temporaryName());
  await symlink(target, temporary);
  try {
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
