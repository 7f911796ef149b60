/**
 * Measures how long the command takes to start, beside an empty program of Node in the same run: `npm run bench -- --startup`.
 * `START_UP_NODES` lists other Node binaries, separated by colons; `START_UP_RUNS` is the number of runs, 15 by default.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { tinyImage } from '../support/tiny-image.mjs';
import { loadSupport } from './registries.mjs';

const LAUNCHER = fileURLToPath(new URL('../../bin/multiarch.js', import.meta.url));
const DRAFT = 'example.com/app:1';
const ARCHITECTURES = /** @type {const} */ (['386', 'amd64', 'arm64', 'ppc64le', 'riscv64', 's390x', 'arm']);

/**
 * @typedef {object} StartUp
 * @property {string} node the version
 * @property {string} name of the command
 * @property {number} milliseconds the median wall time
 * @property {number} ratio of the wall time to that of `node -e 0`
 * @property {number} cpuMilliseconds the mean user and system time
 * @property {number} cpuRatio
 * @property {number} [target] the greatest ratio that is wanted
 */

/** @type {Readonly<Record<string, number>>} */
const TARGETS = {
  '--version': 1.4,
  '--help': 2.2,
  ls: 2.2,
  annotate: 2.2,
  'inspect of a draft': 2.2,
  'create --push of 7 images': 5,
};

/**
 * Measures all commands on each Node, alternating, after a run that fills the cache.
 * @param {{ nodes?: readonly string[], runs?: number }} [options]
 * @returns {Promise<readonly StartUp[]>}
 */
export async function measureStartUp({
  nodes = otherNodes(),
  runs = Number(process.env['START_UP_RUNS'] ?? 15),
} = {}) {
  const { MemoryRegistry } = await loadSupport();
  const home = await mkdtemp(join(tmpdir(), 'multiarch-bench-'));
  const registry = await MemoryRegistry.start();
  try {
    const sources = ARCHITECTURES.map((architecture) => {
      registry.put('app', tinyImage({ architecture }), architecture);
      return `${registry.host}/app:${architecture}`;
    });
    /** @type {readonly (readonly [name: string, args: readonly string[]])[]} */
    const commands = [
      ['--version', ['--version']],
      ['--help', ['--help']],
      ['ls', ['ls']],
      ['annotate', ['annotate', DRAFT, '--annotation', 'a=b']],
      ['inspect of a draft', ['inspect', DRAFT]],
      ['create --push of 7 images', ['create', '--push', `${registry.host}/app:list`, ...sources]],
    ];
    /** @type {StartUp[]} */
    const results = [];
    for (const node of nodes) {
      const run = (/** @type {readonly string[]} */ args) => timed(node, args, home);
      const version = (await run(['--version'])).output.trim();
      await run([LAUNCHER, 'create', DRAFT, '--amend']);
      const lines = [
        /** @type {const} */ (['node -e 0', ['-e', '0']]),
        ...commands.map(([name, args]) => /** @type {const} */ ([name, [LAUNCHER, ...args]])),
      ];
      for (const [, args] of lines) await run(args);
      const times = lines.map(() => /** @type {{ wall: number, cpu: number }[]} */ ([]));
      for (let count = 0; count < runs; count += 1) {
        for (const [position, [, args]] of lines.entries()) times[position]?.push(await run(args));
      }
      const [bare, ...measured] = times.map((each) => ({
        wall: median(each.map(({ wall }) => wall)),
        cpu: each.reduce((sum, { cpu }) => sum + cpu, 0) / runs,
      }));
      if (bare === undefined) throw new Error('nothing was measured');
      results.push(
        ...measured.map(({ wall, cpu }, position) => {
          const [name = ''] = commands[position] ?? [];
          return {
            node: version,
            name,
            milliseconds: wall,
            ratio: wall / bare.wall,
            cpuMilliseconds: cpu,
            cpuRatio: cpu / bare.cpu,
            ...(TARGETS[name] !== undefined && { target: TARGETS[name] }),
          };
        }),
      );
    }
    return results;
  } finally {
    await registry.close();
    await rm(home, { recursive: true, force: true });
  }
}

/**
 * @param {readonly StartUp[]} results
 * @returns {string} a table in Markdown
 */
export function startUpTable(results) {
  const rows = results.map(
    ({ node, name, milliseconds, ratio, cpuMilliseconds, cpuRatio, target }) =>
      `| ${node} | ${name} | ${milliseconds.toFixed(0)} ms | ${ratio.toFixed(2)} × | ${cpuMilliseconds.toFixed(0)} ms | ` +
      `${cpuRatio.toFixed(2)} × | ${target?.toFixed(1) ?? ''} × |`,
  );
  return [
    '| node | command | wall time | to bare node | processor time | to bare node | target |',
    '| --- | --- | ---: | ---: | ---: | ---: | ---: |',
    ...rows,
  ].join('\n');
}

/**
 * @param {string} node
 * @param {readonly string[]} args
 * @param {string} home
 * @returns {Promise<{ wall: number, cpu: number, output: string }>} in milliseconds
 */
function timed(node, args, home) {
  return new Promise((resolve, reject) => {
    const env = { PATH: process.env['PATH'] ?? '', HOME: home };
    const cpuBefore = childrenTime();
    const startedAt = performance.now();
    const child = spawn(node, args, { env, cwd: home, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    child.once('error', reject);
    child.once('close', (code) => {
      const wall = performance.now() - startedAt;
      if (code === 0) resolve({ wall, cpu: childrenTime() - cpuBefore, output });
      else reject(new Error(`${[node, ...args].join(' ')}: ended with ${code}\n${output}`));
    });
  });
}

/**
 * The user and system time of all processes that have ended, in milliseconds: proc_pid_stat(5), fields 16 and 17. It has
 * steps of 10 ms, so only the mean of many runs is meaningful. 0 if the system does not have it.
 */
function childrenTime() {
  try {
    const stat = readFileSync('/proc/self/stat', 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[16 - 3]) + Number(fields[17 - 3])) * 10;
  } catch {
    return 0;
  }
}

/** @param {readonly number[]} numbers */
function median(numbers) {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? 0;
}

function otherNodes() {
  return [
    process.execPath,
    ...(process.env['START_UP_NODES'] ?? '').split(':').filter((path) => path !== ''),
  ];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  console.log(startUpTable(await measureStartUp()));
}
