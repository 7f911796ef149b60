/**
 * Compares multiarch with the other tools on the PATH, as docs/benchmarks.md describes: `npm run bench`. With `-- --quick` once
 * and with the usual round trip only, with `-- JOB...` single jobs; both are printed instead of written to docs/. `--save`
 * writes single jobs too, beside the results of the others. `--copy`, `--link`, `--memory` and `--startup` measure more copies,
 * copies over links of 1 Gbit/s, memory, and how long the command takes to start.
 */
import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { arch, cpus, platform, release, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { format, resolveConfig } from 'prettier';

import { chart } from './chart.mjs';
import { measureCopies, measureLink } from './copy.mjs';
import { JOBS } from './jobs.mjs';
import { measure } from './measure.mjs';
import { measureMemory } from './memory.mjs';
import { tables, withTables } from './report.mjs';
import { hasCommand } from './run.mjs';
import { Servers } from './servers.mjs';
import { measureStartUp, startUpTable } from './start-up.mjs';
import { PEERS } from './tools.mjs';

const ROUNDS = 5;
/** What `--quick` leaves out. */
const SLOW = { jobs: ['images-32', 'copy'], commands: ['podman'] };

const { values: options, positionals: names } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    copy: { type: 'boolean', default: false },
    link: { type: 'boolean', default: false },
    memory: { type: 'boolean', default: false },
    startup: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
    rounds: { type: 'string', default: String(ROUNDS) },
  },
});

if (options.copy) await measureCopies();
else if (options.link) await measureLink();
else if (options.memory) await measureMemory();
else if (options.startup) console.log(startUpTable(await measureStartUp()));
else await compare();

async function compare() {
  const unknown = names.find((name) => !JOBS.some((job) => job.name === name));
  if (unknown !== undefined) {
    throw new Error(`no job ${unknown}; there are ${JOBS.map(({ name }) => name).join(', ')}`);
  }
  const jobs = JOBS.filter(({ name }) => {
    if (names.length > 0) return names.includes(name);
    return !options.quick || !SLOW.jobs.includes(name);
  });
  const absent = Object.keys(PEERS).filter((command) => !hasCommand(command));
  if (absent.length > 0) process.stderr.write(`not on the PATH: ${absent.join(', ')}\n`);
  const servers = await Servers.start();
  /** @type {import('./measure.mjs').Result[]} */
  const results = [];
  try {
    for (const job of jobs) {
      for (const roundTrip of options.quick ? job.roundTrips.slice(0, 1) : job.roundTrips) {
        const rounds = options.quick ? 1 : Number(options.rounds);
        const skipped = options.quick ? SLOW.commands : [];
        const once = options.quick ? { ...job, rounds } : job;
        const result = await measure({ servers, job: once, roundTrip, rounds, skipped });
        results.push(result);
        process.stdout.write(`${tables([result])}\n\n`);
      }
    }
  } finally {
    await servers.stop();
  }
  if (results.some(({ rows }) => rows.some(({ failure }) => failure !== undefined))) process.exitCode = 1;
  if (options.save || (!options.quick && names.length === 0)) {
    await write(names.length === 0 ? results : await besideOthers(results), absent);
  }
}

/**
 * The results of the last run, with those that were measured again in their order of jobs and round trips.
 *
 * @type {(measured: readonly import('./measure.mjs').Result[]) => Promise<readonly import('./measure.mjs').Result[]>}
 */
async function besideOthers(measured) {
  /** @type {import('./report.mjs').Report} */
  const { results } = JSON.parse(await readFile(docs('benchmarks.json'), 'utf8'));
  const all = [...measured, ...results];
  return JOBS.flatMap(({ name, roundTrips }) =>
    roundTrips.flatMap(
      (delay) => all.find(({ job, roundTrip }) => job === name && roundTrip === delay) ?? [],
    ),
  );
}

/** @type {(results: readonly import('./measure.mjs').Result[], absent: readonly string[]) => Promise<void>} */
async function write(results, absent) {
  const report = {
    date: new Date().toISOString().slice(0, 10),
    machine: {
      processor: cpus()[0]?.model.trim() ?? 'unknown processor',
      cores: cpus().length,
      gigabytes: Math.round(totalmem() / 1e9),
      system: `${platform()} ${release().split('-')[0]} ${arch()}`,
    },
    versions: { 'Node.js': process.versions.node, ...versions() },
    absent,
    results,
  };
  await writeFormatted('benchmarks.json', JSON.stringify(report));
  await writeFile(docs('benchmarks.svg'), chart(report));
  const page = docs('benchmarks.md');
  await writeFormatted('benchmarks.md', withTables(await readFile(page, 'utf8'), report));
}

/** @param {string} name */
function docs(name) {
  return fileURLToPath(new URL(`../../docs/${name}`, import.meta.url));
}

/** @type {(name: string, text: string) => Promise<void>} */
async function writeFormatted(name, text) {
  const path = docs(name);
  await writeFile(path, await format(text, { ...(await resolveConfig(path)), filepath: path }));
}

/** The versions of the peers that are installed. */
function versions() {
  /** @type {Record<string, string>} */
  const found = {};
  for (const [command, [program, ...args]] of Object.entries(PEERS)) {
    if (!hasCommand(command)) continue;
    try {
      const text = execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
      found[command] = /\d+\.\d+(?:\.\d+)?/.exec(text)?.[0] ?? 'of unknown version';
    } catch {
      found[command] = 'of unknown version';
    }
  }
  return found;
}
