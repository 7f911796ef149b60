import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { hasCommand, timeCommands } from './run.mjs';
import { TOOLS } from './job-tools.mjs';

/** A tool that takes longer than this is run once for a job, in milliseconds. */
const SLOW = 5000;
/** The round trip of the run that counts the requests of a job without proxies, in milliseconds. */
const COUNTING = 10;

/**
 * What a tool took for a job.
 *
 * @typedef {object} Row
 * @property {string} tool
 * @property {number} runs
 * @property {number} [milliseconds] the median
 * @property {number} [processor] user and system time in milliseconds, the median
 * @property {number} [megabytes] the most memory that a process of any run had
 * @property {import('./servers.mjs').Counts} [counts]
 * @property {string} [failure] the message, if a run failed
 *
 * @typedef {object} Result
 * @property {string} job
 * @property {string} title
 * @property {number} roundTrip in milliseconds
 * @property {Row[]} rows in the order of the tools
 *
 * @typedef {import('./run.mjs').Timed & { counts: import('./servers.mjs').Counts }} Run
 *
 * @typedef {object} Settings
 * @property {import('./servers.mjs').Servers} servers
 * @property {import('./jobs.mjs').Job} job
 * @property {number} roundTrip
 * @property {number} rounds
 * @property {readonly string[]} skipped commands
 */

/**
 * Runs all tools that support a job, alternating.
 *
 * @param {Settings} settings
 * @returns {Promise<Result>}
 */
export async function measure(settings) {
  const { job, roundTrip, skipped } = settings;
  const rounds = job.rounds ?? settings.rounds;
  const tools = TOOLS[job.does].filter(({ command }) => hasCommand(command) && !skipped.includes(command));
  /** @type {Map<string, Run[]>} */
  const runs = new Map(tools.map(({ name }) => [name, []]));
  /** @type {Map<string, string>} */
  const failures = new Map();
  /** @type {Map<string, import('./servers.mjs').Counts>} */
  const counted = new Map();
  /** @type {(tool: import('./tools.mjs').Tool, delay: number, isFar: boolean) => Promise<Run | undefined>} */
  const attempt = async (tool, delay, isFar) => {
    try {
      return await runOnce(settings, tool, delay, isFar);
    } catch (error) {
      // The others are measured all the same.
      failures.set(tool.name, String(error instanceof Error ? error.message : error));
      return undefined;
    }
  };
  for (let round = 0; round < rounds; round += 1) {
    for (const tool of tools) {
      const done = runs.get(tool.name) ?? [];
      if (failures.has(tool.name) || done.some(({ milliseconds }) => milliseconds > SLOW)) continue;
      const run = await attempt(tool, roundTrip, roundTrip > 0);
      if (run !== undefined) done.push(run);
    }
  }
  if (roundTrip === 0 && job.does !== 'start') {
    for (const tool of tools) {
      if (runs.get(tool.name)?.length === 0) continue;
      const run = await attempt(tool, COUNTING, true);
      if (run !== undefined) counted.set(tool.name, run.counts);
    }
  }
  const rows = tools.flatMap(({ name }) =>
    rowOf(name, runs.get(name) ?? [], counted.get(name), failures.get(name)),
  );
  return {
    job: job.name,
    title: job.title,
    roundTrip,
    rows: job.does === 'start' ? rows.map(withoutCounts) : rows,
  };
}

/**
 * @param {string} tool
 * @param {readonly Run[]} runs
 * @param {import('./servers.mjs').Counts | undefined} counted
 * @param {string | undefined} failure
 * @returns {Row[]} none for a tool that does not support the job
 */
function rowOf(tool, runs, counted, failure) {
  if (failure !== undefined) {
    // Without the directories of this machine.
    const message = failure.replaceAll(/(?<=^|[\s"'(])(?:file:\/\/)?\/\S*\//g, '');
    return [{ tool, runs: runs.length, failure: message.slice(0, 500) }];
  }
  const [middle] = runs.toSorted((a, b) => a.milliseconds - b.milliseconds).slice(runs.length >> 1);
  if (middle === undefined) return [];
  const row = {
    tool,
    runs: runs.length,
    milliseconds: Math.round(middle.milliseconds),
    processor: Math.round(median(runs.map(({ processor }) => processor))),
    megabytes: Math.round(Math.max(...runs.map(({ peakBytes }) => peakBytes)) / 1e6),
    counts: counted ?? middle.counts,
  };
  return [row];
}

/** @type {(row: Row) => Row} */
function withoutCounts({ counts, ...row }) {
  void counts;
  return row;
}

/**
 * @param {Settings} settings
 * @param {import('./tools.mjs').Tool} tool
 * @param {number} roundTrip
 * @param {boolean} isFar
 * @returns {Promise<Run | undefined>} `undefined` if the tool does not support the job
 * @throws if a command fails or publishes nothing
 */
async function runOnce({ servers, job }, tool, roundTrip, isFar) {
  const directory = await mkdtemp(join(tmpdir(), 'multiarch-bench-'));
  try {
    const place = servers.place({ isFar, token: job.token, elsewhere: job.elsewhere });
    const list = `${place.target}/${place.prefix}/${job.target}:list`;
    const specification = join(directory, 'specification.yaml');
    const work = { list, sources: [], specification, attested: job.attested ?? false };
    const { sources, images } = await job.seed(place);
    const commands = tool.commands({ ...work, sources });
    if (commands === undefined) return undefined;
    const manifests = sources.map((image, number) => ({ image, platform: images[number]?.platform }));
    // JSON is YAML.
    await writeFile(specification, JSON.stringify({ image: list, manifests }));
    const logins = job.token === true ? [place.host] : [];
    servers.reset(0);
    if (job.again === true) await timeCommands(commands, logins);
    servers.reset(roundTrip);
    const timed = await timeCommands(commands, logins);
    const counts = servers.counts();
    if (job.does !== 'start' && !(await servers.has(list))) throw new Error('nothing is published');
    return { ...timed, counts };
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** @param {readonly number[]} values */
function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}
