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
 * Runs commands one after the other, with a home, credentials and drafts of their own that are new each time.
 *
 * @param {readonly CommandLine[]} commands
 * @param {readonly string[]} hosts registries to which {@link ACCOUNT} logs in
 * @param {Readonly<Record<string, string>>} [more] of the environment
 * @returns {Promise<{ milliseconds: number, peakBytes: number }>} from the start of the first to the end of the last, and the
 *   most memory that one of them had resident, 0 where the system does not tell
 * @throws where one of them fails
 */
export async function timeCommands(commands, hosts, more = {}) {
  const home = await mkdtemp(join(tmpdir(), 'multiarch-bench-'));
  try {
    const env = { ...(await environment(home, hosts)), ...more };
    const startedAt = performance.now();
    let peakBytes = 0;
    for (const command of commands) peakBytes = Math.max(peakBytes, await run(command, env, home));
    return { milliseconds: performance.now() - startedAt, peakBytes };
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

/**
 * @param {CommandLine} command
 * @param {Readonly<Record<string, string>>} env
 * @param {string} cwd
 * @returns {Promise<number>} the most memory that it had resident, in bytes
 */
function run([command, ...args], env, cwd) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let peakBytes = 0;
    const watch = setInterval(() => (peakBytes = Math.max(peakBytes, residentPeak(child.pid))), 10);
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    child.once('error', reject);
    child.once('exit', () => clearInterval(watch));
    child.once('close', (code) => {
      if (code === 0) resolve(peakBytes);
      else reject(new Error(`${[command, ...args].join(' ')}: ended with ${code}\n${output}`));
    });
  });
}

/**
 * The most memory that a running process ever had resident, in bytes; 0 where that is not known (proc(5), only Linux).
 *
 * @param {number | undefined} pid
 */
function residentPeak(pid) {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
