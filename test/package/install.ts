/**
 * Installs the package as users do, and does the main job: `npm run test:package`. It builds and packs the package, and installs
 * the tarball on each supported major version of Node.js, in a project and globally, and the last commit from git. Node.js is
 * downloaded as npm packages.
 */
import { mkdir, readdir, readlink, symlink } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

import { root } from '../docs/markdown.js';
import { mustRun } from '../support/run.js';
import { sharedDirectory } from '../support/sandbox.js';
import { runMainJob, writeProject } from './project.js';

const VERSIONS = [20, 22, 24];
/** In milliseconds, for downloads and builds. */
const TIME_LIMIT = 1_200_000;
const QUIET = ['--no-audit', '--no-fund', '--loglevel=error'];

const { directory, remove } = await sharedDirectory();
try {
  await mkdir(join(directory, 'tarball'));
  // Its script `prepare` builds.
  await npm(['pack', '--pack-destination', join(directory, 'tarball')], root, process.execPath);
  const [name = ''] = await readdir(join(directory, 'tarball'));
  const tarball = join(directory, 'tarball', name);
  for (const version of VERSIONS) {
    const node = await installNode(version);
    await report(node, 'in a project', () => inProject(`project-${version}`, tarball, node));
    await report(node, 'globally', () => globally(`global-${version}`, tarball, node));
  }
  const commit = (await mustRun('git', ['rev-parse', 'HEAD'], { cwd: root })).trim();
  const url = `git+file://${root}#${commit}`;
  await report(process.execPath, 'from git', () => inProject('project-git', url, process.execPath));
} finally {
  await remove();
}

async function report(node: string, what: string, work: () => Promise<string>): Promise<void> {
  const version = await mustRun(node, ['--version']);
  console.log(`Node.js ${version.trim()}, ${what}: ${await work()}`);
}

/** Downloads a version of Node.js for this machine, and returns its program. */
async function installNode(version: number): Promise<string> {
  const target = join(directory, `node-${version}`);
  await mkdir(target);
  const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
  await npm(['install', ...QUIET, '--prefix', target, `${name}@${version}`], target, process.execPath);
  return join(target, 'node_modules', name, 'bin', 'node');
}

/** Installs the package in an empty project, and nothing else. @returns the digest that was published */
async function inProject(name: string, spec: string, node: string): Promise<string> {
  const project = join(directory, name);
  await mkdir(project);
  await writeProject(project);
  await npm(['install', ...QUIET, spec], project, node);
  const modules = join(project, 'node_modules');
  const installed = (await readdir(modules)).filter((entry) => !entry.startsWith('.'));
  if (installed.join() !== 'multiarch') throw new Error(`npm has installed ${installed.join(', ')}`);
  await symlink(join(root, 'node_modules/@types'), join(modules, '@types'));
  const { command, library } = await runMainJob(project, {
    command: [node, join(modules, '.bin/multiarch')],
    node,
    tsc: join(root, 'node_modules/typescript/bin/tsc'),
  });
  if (command !== library) throw new Error(`the command has published ${command}, the library ${library}`);
  const version = await mustRun('npx', ['--no-install', 'multiarch', '--version'], optionsOf(project, node));
  return `${version.trim()}, ${command}`;
}

/** Installs the package globally, and the docker plugin. @returns what the plugin is linked to */
async function globally(name: string, spec: string, node: string): Promise<string> {
  const prefix = join(directory, name);
  await mkdir(prefix);
  await npm(['install', ...QUIET, '--global', '--prefix', prefix, spec], prefix, node);
  const { cwd, env } = optionsOf(prefix, node);
  const options = { cwd, env: { ...env, DOCKER_CONFIG: join(prefix, 'docker') } };
  await mustRun(join(prefix, 'bin/multiarch'), ['plugin', 'install'], options);
  const plugin = join(prefix, 'docker/cli-plugins/docker-multiarch');
  const { Vendor } = JSON.parse(await mustRun(plugin, ['docker-cli-plugin-metadata'], options)) as {
    Vendor: unknown;
  };
  if (Vendor !== 'multiarch') throw new Error('the plugin has no metadata');
  return `docker-multiarch -> ${(await readlink(plugin)).replace(prefix, 'PREFIX')}`;
}

async function npm(args: readonly string[], cwd: string, node: string): Promise<void> {
  await mustRun('npm', args, optionsOf(cwd, node));
}

/** The options for a program that starts Node.js by its name, without the variables of the `npm run` around it. */
function optionsOf(cwd: string, node: string) {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(
      (entry): entry is [string, string] => !/^(npm_(?!config_)|INIT_CWD$|NODE_ENV$)/.test(entry[0]),
    ),
  );
  env['PATH'] = [join(node, '..'), process.env['PATH'] ?? ''].join(delimiter);
  return { cwd, env, timeout: TIME_LIMIT };
}
