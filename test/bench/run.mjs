import { spawn } from 'node:child_process';
import { accessSync, constants, readFileSync, rmSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

import { ACCOUNT } from './registries.mjs';

/**
 * A command and its arguments.
 * @typedef {readonly [command: string, ...args: string[]]} CommandLine
 */

/**
 * @typedef {object} Timed
 * @property {number} milliseconds from the start of the first command to the end of the last
 * @property {number} processor user and system time of all commands, in milliseconds; 0 if the system does not report it
 * @property {number} peakBytes the most memory that one process had resident; 0 if the system does not report it
 */

/**
 * The cache directory of all runs, from which only the compiled code of the command is kept: a program in use is compiled.
 * Content and addresses of registries are removed before each run.
 */
const caches = await mkdtemp(join(tmpdir(), 'multiarch-bench-cache-'));
process.once('exit', () => rmSync(caches, { recursive: true, force: true }));
const REMOVED = ['content', 'token-servers.json'];

/**
 * Runs commands one after the other, with a home, credentials and drafts of their own that are new each time.
 *
 * @param {readonly CommandLine[]} commands
 * @param {readonly string[]} hosts registries to which {@link ACCOUNT} logs in
 * @param {Readonly<Record<string, string>>} [more] of the environment
 * @returns {Promise<Timed>}
 * @throws where one of them fails
 */
export async function timeCommands(commands, hosts, more = {}) {
  const home = await mkdtemp(join(tmpdir(), 'multiarch-bench-'));
  try {
    const env = { ...(await environment(home, hosts)), ...more };
    for (const name of REMOVED) await rm(join(caches, 'multiarch', name), { recursive: true, force: true });
    const startedAt = performance.now();
    const processorBefore = childrenProcessor();
    let peakBytes = 0;
    for (const command of commands) peakBytes = Math.max(peakBytes, await run(command, env, home));
    const milliseconds = performance.now() - startedAt;
    return { milliseconds, processor: childrenProcessor() - processorBefore, peakBytes };
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

/**
 * The most memory that a command of Node's ever had resident, in bytes.
 *
 * @param {CommandLine} command
 * @returns {Promise<number>}
 */
export async function peakMemory(command) {
  const directory = await mkdtemp(join(tmpdir(), 'multiarch-bench-'));
  try {
    const report = join(directory, 'memory');
    const preload = new URL('../support/report-memory.mjs', import.meta.url).href;
    await timeCommands([command], [], { NODE_OPTIONS: `--import=${preload}`, MEMORY_REPORT: report });
    return Number(await readFile(report, 'utf8'));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/**
 * Is this command on the PATH?
 *
 * @param {string} name
 */
export function hasCommand(name) {
  return (process.env['PATH'] ?? '').split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/**
 * @param {string} home
 * @param {readonly string[]} hosts
 */
async function environment(home, hosts) {
  const auth = Buffer.from(`${ACCOUNT.username}:${ACCOUNT.password}`).toString('base64');
  const auths = Object.fromEntries(hosts.map((host) => [host, { auth }]));
  const config = join(home, '.docker');
  await mkdir(config);
  await writeFile(join(config, 'config.json'), JSON.stringify({ auths, experimental: 'enabled' }));
  const registries = join(config, 'registries.conf');
  // `podman manifest inspect` has no flag for a registry without TLS.
  await writeFile(registries, '[[registry]]\nlocation = "127.0.0.1"\ninsecure = true\n');
  return {
    PATH: process.env['PATH'] ?? '',
    HOME: home,
    DOCKER_CONFIG: config,
    MULTIARCH_STORE: join(home, 'drafts'),
    XDG_CACHE_HOME: caches,
    XDG_RUNTIME_DIR: home,
    REGISTRY_AUTH_FILE: join(config, 'config.json'),
    CONTAINERS_REGISTRIES_CONF: registries,
  };
}

/**
 * Returns the most memory that the command had resident, in bytes.
 *
 * @param {CommandLine} command
 * @param {Readonly<Record<string, string>>} env
 * @param {string} cwd
 * @returns {Promise<number>}
 */
function run(command, env, cwd) {
  const [program, ...args] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let peakBytes = 0;
    const watch = setInterval(() => (peakBytes = Math.max(peakBytes, residentPeak(child.pid))), 10);
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    child.once('error', reject);
    child.once('exit', () => clearInterval(watch));
    child.once('close', (code) => {
      if (code === 0) resolve(peakBytes);
      else reject(new Error(`${command.join(' ')}: ended with ${code}\n${output}`));
    });
  });
}

/**
 * The processor time of all child processes that have ended, and of theirs, in milliseconds; 0 if that is not known
 * (proc(5), only Linux).
 */
function childrenProcessor() {
  try {
    // The name of the program is in parentheses, and may contain spaces. Then `state` is field 3, `cutime` 16, `cstime` 17.
    const fields = readFileSync('/proc/self/stat', 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    // In ticks of 10 ms.
    return (Number(fields[13]) + Number(fields[14])) * 10;
  } catch {
    return 0;
  }
}

/**
 * The most memory that a running process or one of its descendants ever had resident, in bytes; 0 if that is not known
 * (proc(5), only Linux).
 *
 * @param {number | undefined} pid
 * @returns {number}
 */
function residentPeak(pid) {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const own = Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
    return Math.max(own, ...children.map((child) => residentPeak(Number(child))));
  } catch {
    return 0;
  }
}
