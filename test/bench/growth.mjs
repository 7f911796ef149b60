/**
 * Prints processor time and memory of jobs with many entries, each at a tenth, once and twice its size: `npm run growth`, or
 * `npm run growth -- JOB...`. Each job runs in a process of its own.
 */
import { execFileSync, fork } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { JOBS } from './growth-jobs.mjs';
import { loadSupport } from './registries.mjs';

/**
 * @typedef {object} Figures
 * @property {number} processor user and system time of the work, in milliseconds
 * @property {number} memory the peak of the process, in bytes
 */

const [first, name = '', size = '', directory = '', host = ''] = process.argv.slice(2);
if (first === 'run') await run();
else await measure(process.argv.slice(2));

/** @param {readonly string[]} names of jobs, all if empty */
async function measure(names) {
  const { MemoryRegistry } = await loadSupport();
  console.log('| job | size | processor time | of one | memory |');
  console.log('| --- | ---: | ---: | ---: | ---: |');
  for (const [job, { size: full, prepare }] of Object.entries(JOBS)) {
    if (names.length > 0 && !names.includes(job)) continue;
    for (const count of [full / 10, full, full * 2]) {
      const place = await mkdtemp(join(tmpdir(), 'multiarch-growth-'));
      const registry = await MemoryRegistry.start();
      try {
        await prepare({ directory: place, size: count, registry });
        const figures = await inProcess(job, count, place, registry.host);
        console.log(row(job, count, figures));
      } finally {
        await registry.close();
        await rm(place, { recursive: true });
      }
    }
  }
}

/** @type {(job: string, count: number, figures: Figures) => string} */
function row(job, count, { processor, memory }) {
  const columns = [
    job,
    count.toLocaleString('en'),
    `${(processor / 1000).toFixed(2)} s`,
    `${(processor / count).toFixed(2)} ms`,
    `${(memory / 1e6).toFixed(0)} MB`,
  ];
  return `| ${columns.join(' | ')} |`;
}

/** @type {(job: string, count: number, place: string, registry: string) => Promise<Figures>} */
function inProcess(job, count, place, registry) {
  const child = fork(fileURLToPath(import.meta.url), ['run', job, String(count), place, registry]);
  return new Promise((resolve, reject) => {
    child.once('message', (figures) => resolve(/** @type {Figures} */ (figures)));
    child.once('close', (code) => reject(new Error(`${job} of ${count}: ended with ${code}`)));
  });
}

/** Runs one job, and sends its figures to the parent. */
async function run() {
  /** @type {typeof import('../../src/index.js')} */
  const { Multiarch } = await import(new URL('../../dist/index.js', import.meta.url).href);
  const client = new Multiarch({
    store: join(directory, 'drafts'),
    env: { DOCKER_CONFIG: directory, XDG_STATE_HOME: directory },
    limits: { requests: 1e6, entries: 1e7, metadata: 1e10 },
  });
  const before = process.cpuUsage();
  try {
    await JOBS[name]?.run({ client, directory, size: Number(size), host });
  } finally {
    await client.close();
  }
  const { user, system } = process.cpuUsage(before);
  process.send?.({ processor: (user + system) / 1000, memory: peak() });
  process.disconnect();
}

/** The peak of this program: maxRSS also counts the process that started it. */
function peak() {
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS * 1024;
  const line = execFileSync('grep', ['VmHWM', `/proc/${process.pid}/status`], { encoding: 'utf8' });
  return Number(/\d+/.exec(line)?.[0]) * 1024;
}
