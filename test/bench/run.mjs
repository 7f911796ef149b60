import { spawn } from 'node:child_process';
import { accessSync, constants, readFileSync } from 'node:fs';
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
 * @property {number} processor user and system time, in milliseconds; 0 without bash
 * @property {number} peakBytes the most memory that one process had resident; 0 if the system does not report it
 */

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
    const startedAt = performance.now();
    let [processor, peakBytes] = [0, 0];
    for (const command of commands) {
      const used = await run(command, env, home);
      processor += used.processor;
      peakBytes = Math.max(peakBytes, used.peakBytes);
    }
    return { milliseconds: performance.now() - startedAt, processor, peakBytes };
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
  return {
    PATH: process.env['PATH'] ?? '',
    HOME: home,
    DOCKER_CONFIG: config,
    MULTIARCH_STORE: join(home, 'drafts'),
    XDG_RUNTIME_DIR: home,
    REGISTRY_AUTH_FILE: join(config, 'config.json'),
  };
}

/** Reports the user and system time of a command with its descendants, in seconds, to descriptor 3. */
const TIMED = 'TIMEFORMAT="%3U %3S"; { time "$@" 2>&4 3>&- 4>&-; } 4>&2 2>&3';

/**
 * @param {CommandLine} command
 * @param {Readonly<Record<string, string>>} env
 * @param {string} cwd
 * @returns {Promise<Pick<Timed, 'processor' | 'peakBytes'>>}
 */
function run(command, env, cwd) {
  /** @type {CommandLine} */
  const [program, ...args] = hasCommand('bash') ? ['bash', '-c', TIMED, 'bash', ...command] : command;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env, cwd, stdio: ['ignore', 'pipe', 'pipe', 'pipe'] });
    let [output, times] = ['', ''];
    let peakBytes = 0;
    const watch = setInterval(() => (peakBytes = Math.max(peakBytes, residentPeak(child.pid))), 10);
    child.stdout?.on('data', (chunk) => (output += chunk));
    child.stderr?.on('data', (chunk) => (output += chunk));
    child.stdio[3]?.on('data', (chunk) => (times += chunk));
    child.once('error', reject);
    child.once('exit', () => clearInterval(watch));
    child.once('close', (code) => {
      const seconds = times.trim().split(' ').map(Number);
      const processor = seconds.reduce((sum, each) => sum + each, 0) * 1000;
      if (code === 0) resolve({ processor, peakBytes });
      else reject(new Error(`${command.join(' ')}: ended with ${code}\n${output}`));
    });
  });
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
