/**
 * Measures the main job against what others need for it: `npm run bench`, with `-- --copy` copies of large layers, and
 * with `-- --memory` how much memory a large blob takes. Everything is on this machine: registries that answer late stand for those that are far.
 */
import { tinyIndex } from '../support/tiny-image.mjs';
import { ACCOUNT, loadSupport } from './registries.mjs';
import { hasCommand, peakMemory, timeCommands } from './run.mjs';
import { multiarch, TOOLS } from './tools.mjs';

const RUNS = 3;
/** In milliseconds: a round trip, which a new connection costs too. */
const ROUND_TRIP = 50;

const { MemoryRegistry, sequentialDepth, mostAtOnce, seedLargeImage, seedImages, imagesOf } =
  await loadSupport();

/** @typedef {import('../support/memory-registry.js').MemoryRegistry} Registry */

/**
 * @typedef {object} Job
 * @property {string} name
 * @property {boolean} [token] the registries ask for a token
 * @property {boolean} [attested] the sources are indexes with attestations
 * @property {boolean} [elsewhere] the index goes to a second registry
 * @property {string} repository of the index
 * @property {(registry: Registry) => readonly string[]} seed gives the sources
 */

/** @type {readonly Job[]} */
const JOBS = [
  ...[6, 7].flatMap((count) =>
    [false, true].map((token) => ({
      name: `${count} images of one repository${token ? ', with a token' : ''}`,
      token,
      repository: 'app',
      seed: (/** @type {Registry} */ registry) => seedImages(registry, 'app', imagesOf(count)),
    })),
  ),
  ...[false, true].map((token) => ({
    name: `6 attested images of one repository${token ? ', with a token' : ''}`,
    token,
    attested: true,
    repository: 'app',
    seed: (/** @type {Registry} */ registry) =>
      imagesOf(6).map((image, position) => {
        registry.put('app', tinyIndex([image], { attestations: true }), String(position));
        return `${registry.host}/app:${position}`;
      }),
  })),
  ...[false, true].map((elsewhere) => ({
    name: `2 images of 30 MiB to another ${elsewhere ? 'registry' : 'repository'}`,
    elsewhere,
    repository: 'target/app',
    seed: (/** @type {Registry} */ registry) =>
      /** @type {const} */ (['amd64', 'arm64']).map((tag) => {
        seedLargeImage(registry, 'source/app', tag, 30);
        return `${registry.host}/source/app:${tag}`;
      }),
  })),
];

if (process.argv.includes('--memory')) await measureMemory();
else if (process.argv.includes('--copy')) await (await import('./copy.mjs')).measureCopies();
else for (const job of JOBS) await measureJob(job);

/** @param {Job} job */
async function measureJob(job) {
  print(`\n## ${job.name}\n`);
  print('| tool | requests | connections | parallel | sequential | wall time |');
  print('| --- | ---: | ---: | ---: | ---: | ---: |');
  for (const tool of TOOLS) {
    if (!hasCommand(tool.command)) continue;
    /** @type {Awaited<ReturnType<typeof measureOnce>>[]} */
    const results = [];
    for (let run = 0; run < RUNS; run += 1) results.push(await measureOnce(job, tool));
    const [median] = results
      .toSorted((a, b) => (a?.milliseconds ?? 0) - (b?.milliseconds ?? 0))
      .slice(RUNS >> 1);
    if (median === undefined) continue;
    const { requests, connections, most, depth, milliseconds } = median;
    const seconds = (milliseconds / 1000).toFixed(2);
    print(`| ${tool.name} | ${requests} | ${connections} | ${most} | ${depth} | ${seconds} s |`);
  }
}

/**
 * @param {Job} job
 * @param {import('./tools.mjs').Tool} tool
 */
async function measureOnce(job, tool) {
  const options = {
    delay: ROUND_TRIP,
    connectionDelay: ROUND_TRIP,
    keepBlobs: false,
    ...(job.token === true && { auth: ACCOUNT }),
  };
  const registries = [await MemoryRegistry.start(options)];
  const [from] = registries;
  if (from === undefined) throw new Error('no registry');
  const to = job.elsewhere === true ? await MemoryRegistry.start(options) : from;
  if (to !== from) registries.push(to);
  try {
    const sources = job.seed(from);
    const list = `${to.host}/${job.repository}:list`;
    const commands = tool.commands({ list, sources, attested: job.attested ?? false });
    if (commands === undefined) return undefined;
    const hosts = job.token === true ? registries.map(({ host }) => host) : [];
    const { milliseconds } = await timeCommands(commands, hosts);
    if (to.manifest(job.repository, 'list') === undefined) throw new Error(`${tool.name} published nothing`);
    const requests = registries.flatMap((registry) => registry.requests);
    return {
      milliseconds,
      requests: requests.length,
      connections: registries.reduce((total, registry) => total + registry.connections, 0),
      most: mostAtOnce(requests),
      depth: sequentialDepth(requests),
    };
  } finally {
    await Promise.all(registries.map((registry) => registry.close()));
  }
}

/** A blob of 1 GiB from one registry to another one. */
async function measureMemory() {
  const registries = [await MemoryRegistry.start(), await MemoryRegistry.start({ keepBlobs: false })];
  const [from, to] = registries;
  if (from === undefined || to === undefined) throw new Error('no registry');
  try {
    for (const mebibytes of [1, 256, 1024]) {
      seedLargeImage(from, `app${mebibytes}`, 'amd64', mebibytes);
      const [list, source] = [`${to.host}/app:${mebibytes}`, `${from.host}/app${mebibytes}:amd64`];
      const startedAt = performance.now();
      const peak = await peakMemory(multiarch('create', '--push', list, source));
      const seconds = (performance.now() - startedAt) / 1000;
      print(`${mebibytes} MiB: ${(peak / 1e6).toFixed(0)} MB resident at most, ${seconds.toFixed(1)} s`);
      if (peak >= 150e6) process.exitCode = 1;
    }
  } finally {
    await Promise.all(registries.map((registry) => registry.close()));
  }
}

/** @param {string} line */
function print(line) {
  process.stdout.write(`${line}\n`);
}
