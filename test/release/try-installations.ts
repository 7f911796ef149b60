/**
 * Installs the files in `dist/release` into a clean Debian, each by its one line, and runs the main job from each:
 * `npm run test:install [-- SUITE]`. Needs root, debootstrap and a network.
 */
import assert from 'node:assert/strict';
import { copyFile, cp, mkdir, mkdtemp, readdir, realpath } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';

import { buildOfCheckout, executableFile } from '../../release/checkout.js';
import { mustRun, run, type RunResult } from '../support/run.js';
import { tinyImage, writeLayout } from '../support/tiny-image.mjs';

const [suite = 'trixie'] = process.argv.slice(2);
const options = await buildOfCheckout();
const { version, directory } = options;
const architecture = process.arch === 'arm64' ? 'arm64' : 'amd64';
const HOUR = 3_600_000;

const base = await mkdtemp(join(tmpdir(), 'multiarch-install-'));
const root = join(base, 'root');
try {
  console.log(`make a clean Debian ${suite}`);
  await mustRun('debootstrap', ['--variant=minbase', suite, root, 'http://deb.debian.org/debian'], {
    timeout: HOUR,
  });
  await mkdir(join(root, 'work'));
  for (const platform of ['amd64', 'arm64'] as const) {
    await writeLayout(join(root, 'work', platform), tinyImage({ architecture: platform }), 'app');
  }
  await installExecutable();
  await installDebianPackage();
  await installTarball();
} finally {
  await mustRun('rm', ['-rf', base], { timeout: HOUR });
}

/** The Node.js in the executable is linked to libatomic, which a minimal Debian lacks. */
async function installExecutable(): Promise<void> {
  await inRoot('apt-get', 'update');
  await inRoot('apt-get', 'install', '--yes', '--no-install-recommends', 'libatomic1');
  const path = '/usr/local/bin/multiarch';
  await copyFile(executableFile(options, architecture), join(root, path));
  await inRoot('chmod', '755', path);
  await runMainJob('the executable', path);
  await inRoot('rm', path);
  await inRoot('apt-get', 'purge', '--yes', 'libatomic1');
}

/** apt-get installs what the package depends on. Removing it leaves nothing. */
async function installDebianPackage(): Promise<void> {
  const file = join(directory, `multiarch_${version}_${architecture}.deb`);
  await copyFile(file, join(root, 'work', basename(file)));
  await inRoot('apt-get', 'install', '--yes', '--no-install-recommends', `/work/${basename(file)}`);
  await runMainJob('the Debian package', '/usr/bin/multiarch');
  assert.match(
    await inRoot('/usr/libexec/docker/cli-plugins/docker-multiarch', 'docker-cli-plugin-metadata'),
    /SchemaVersion/,
  );
  await inRoot('apt-get', 'purge', '--yes', 'multiarch');
  const left = await inRoot(
    'find',
    '/etc',
    '/usr',
    '/var/lib/dpkg',
    '-name',
    '*multiarch*',
    '-not',
    '-name',
    '*Multi-Arch*',
  );
  assert.equal(left, '');
  console.log('the Debian package leaves nothing when it is removed');
}

/** With the Node.js and npm of this machine. */
async function installTarball(): Promise<void> {
  const file = join(directory, `multiarch-${version}.tgz`);
  await copyFile(file, join(root, 'work', basename(file)));
  await copyFile(process.execPath, join(root, 'usr/local/bin/node'));
  const npm = dirname(dirname(await realpath((await mustRun('sh', ['-c', 'command -v npm'])).trim())));
  await cp(npm, join(root, 'usr/local/lib/node_modules/npm'), { recursive: true });
  await inRoot('ln', '-s', '../lib/node_modules/npm/bin/npm-cli.js', '/usr/local/bin/npm');
  await inRoot('npm', 'install', '--global', '--offline', `/work/${basename(file)}`);
  await runMainJob('the npm package', 'multiarch');
}

/** Joins two images into an index, without any variable but those of a login. */
async function runMainJob(what: string, command: string): Promise<void> {
  assert.equal(await inRoot(command, '--version'), `multiarch ${version}\n`);
  const sources = ['oci:/work/amd64:app', 'oci:/work/arm64:app'];
  const digest = await inRoot(command, 'create', 'oci:/work/joined:1.2', ...sources, '--push', '--quiet');
  assert.match(digest, /^sha256:[0-9a-f]{64}\n$/);
  assert.equal(await inRoot(command, 'digest', 'oci:/work/joined:1.2'), digest);
  await inRoot('rm', '-r', '/work/joined');
  assert.deepEqual(
    (await readdir(join(root, 'work'))).filter((name) => name === 'joined'),
    [],
  );
  console.log(`${what} runs the main job`);
}

async function inRoot(...command: readonly string[]): Promise<string> {
  const variables = [
    'HOME=/root',
    'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin',
    'DEBIAN_FRONTEND=noninteractive',
  ];
  const result: RunResult = await run('chroot', [root, 'env', '-i', ...variables, ...command], {
    timeout: HOUR,
  });
  assert.equal(result.code, 0, `${command.join(' ')}\n${result.stdout}\n${result.stderr}`);
  return result.stdout;
}
