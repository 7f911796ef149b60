/** Measures copies of one image with two layers of 100 MB: `npm run bench -- --copy` and `npm run bench -- --link`. */
import { execFileSync } from 'node:child_process';
import { createCipheriv, createHash } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { tinyImage, writeLayout } from '../support/tiny-image.mjs';
import { COPY_TOOLS } from './copy-tools.mjs';
import { Link } from './link.mjs';
import { loadSupport } from './registries.mjs';
import { hasCommand, timeCommands } from './run.mjs';

const RUNS = 5;
const LAYER_BYTES = 100e6;
/** In milliseconds, as in the main job. */
const ROUND_TRIP = 50;
const TAG = '1.2';

/**
 * A registry to copy from or to.
 *
 * @typedef {object} Endpoint
 * @property {string} host
 * @property {(repository: string, image: import('../support/tiny-image.mjs').TinyImage) => Promise<unknown>} seed
 * @property {() => Promise<number>} requests how many it has answered since the last call
 * @property {(repository: string) => Promise<boolean>} has whether it has the image
 * @property {() => Promise<void>} stop
 */

const { MemoryRegistry, Repository, startRegistry } = await loadSupport();

export async function measureCopies() {
  const directory = await mkdtemp(join(tmpdir(), 'multiarch-bench-'));
  try {
    const image = largeImage();
    const layout = join(directory, 'layout');
    const archive = join(directory, 'image.tar');
    await writeLayout(layout, image, TAG);
    execFileSync('tar', ['-cf', archive, '-C', layout, ...(await readdir(layout))]);
    /** @type {readonly import('./copy-tools.mjs').From[]} */
    const files = [
      { kind: 'layout', place: layout, tag: TAG },
      { kind: 'archive', place: archive, tag: TAG },
    ];
    if (hasCommand('docker-registry')) {
      await measureBetween('docker-registry to docker-registry', realRegistry, image);
      for (const from of files) await measureFrom(`${from.kind} to docker-registry`, from, realRegistry);
    }
    const far = `registry, ${ROUND_TRIP} ms delay`;
    await measureBetween(`registry to ${far}`, memoryRegistry, image);
    for (const from of files) await measureFrom(`${from.kind} to ${far}`, from, memoryRegistry);
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** Measures copies between two registries, each behind a link of 1 Gbit/s in each direction. */
export async function measureLink() {
  const link = Link.start('1gbit');
  try {
    const linkedRegistry = async () => {
      const registry = await realRegistry();
      link.limit(registry.host);
      return registry;
    };
    await measureBetween('registry to registry, links of 1 Gbit/s', linkedRegistry, largeImage());
  } finally {
    link.stop();
  }
}

/**
 * @param {string} title
 * @param {() => Promise<Endpoint>} start
 * @param {import('../support/tiny-image.mjs').TinyImage} image
 */
async function measureBetween(title, start, image) {
  const registry = await start();
  try {
    await registry.seed('source/app', image);
    const place = `${registry.host}/source/app`;
    await measureFrom(title, { kind: 'registry', place, tag: TAG }, start, registry);
  } finally {
    await registry.stop();
  }
}

/**
 * @param {string} title
 * @param {import('./copy-tools.mjs').From} from
 * @param {() => Promise<Endpoint>} start
 * @param {Endpoint} [source]
 */
async function measureFrom(title, from, start, source) {
  print(`\n## ${title}\n`);
  print('| tool | requests | wall time | CPU time | memory |');
  print('| --- | ---: | ---: | ---: | ---: |');
  /** @type {Map<string, Measured[]>} */
  const results = new Map();
  const failed = new Set();
  // One run of each tool after the other, so that what else this machine does meanwhile slows all of them down.
  for (let run = 0; run < RUNS; run += 1) {
    for (const { name, command, copy } of COPY_TOOLS) {
      if (!hasCommand(command) || failed.has(name)) continue;
      try {
        const measured = await measureOnce((to) => copy(from, to), start, source);
        if (measured !== undefined) results.set(name, [...(results.get(name) ?? []), measured]);
      } catch (error) {
        // The others are measured all the same.
        failed.add(name);
        process.stderr.write(`${title}: ${name} failed: ${String(error)}\n`);
        process.exitCode = 1;
      }
    }
  }
  for (const [name, runs] of results) {
    const [median] = runs.toSorted((a, b) => a.milliseconds - b.milliseconds).slice(RUNS >> 1);
    if (median === undefined) continue;
    const seconds = (median.milliseconds / 1000).toFixed(2);
    const [cpu = 0] = runs
      .map(({ processor }) => processor)
      .toSorted((a, b) => a - b)
      .slice(RUNS >> 1);
    const memory = (Math.max(...runs.map(({ peakBytes }) => peakBytes)) / 1e6).toFixed(0);
    print(`| ${name} | ${median.requests} | ${seconds} s | ${(cpu / 1000).toFixed(2)} s | ${memory} MB |`);
  }
}

/**
 * @typedef {object} Measured
 * @property {number} milliseconds
 * @property {number} processor
 * @property {number} requests
 * @property {number} peakBytes
 *
 * @param {(to: string) => import('./run.mjs').CommandLine | undefined} copy
 * @param {() => Promise<Endpoint>} start
 * @param {Endpoint | undefined} source
 * @returns {Promise<Measured | undefined>} `undefined` for what the tool cannot do
 */
async function measureOnce(copy, start, source) {
  const target = await start();
  try {
    const command = copy(`${target.host}/target/app:${TAG}`);
    if (command === undefined) return undefined;
    await source?.requests();
    const { milliseconds, processor, peakBytes } = await timeCommands([command], []);
    const requests = (await target.requests()) + ((await source?.requests()) ?? 0);
    if (!(await target.has('target/app'))) throw new Error(`${command.join(' ')}: the target has no image`);
    return { milliseconds, processor, requests, peakBytes };
  } finally {
    await target.stop();
  }
}

/** @returns {Promise<Endpoint>} */
async function realRegistry() {
  const registry = await startRegistry();
  let seen = 0;
  return {
    host: registry.host,
    seed: (path, image) => new Repository(registry, path).add(image, TAG),
    requests: async () => {
      // The log comes through a pipe: what was answered before the mark has arrived when the mark has.
      const mark = `/v2/mark-${performance.now()}/tags/list`;
      await (await fetch(registry.url + mark)).arrayBuffer();
      while (!registry.log().includes(`"GET ${mark} `)) {
        await new Promise((resolve) => {
          setTimeout(resolve, 5);
        });
      }
      const lines = registry.log().match(/"[A-Z]+ \/v2\/(?!mark-)\S* HTTP\/1\.1" \d{3} /g) ?? [];
      const count = lines.length - seen;
      seen = lines.length;
      return count;
    },
    has: (path) => new Repository(registry, path).hasManifest(TAG),
    stop: registry.stop,
  };
}

/** @returns {Promise<Endpoint>} */
async function memoryRegistry() {
  const registry = await MemoryRegistry.start({
    delay: ROUND_TRIP,
    connectionDelay: ROUND_TRIP,
  });
  return {
    host: registry.host,
    seed: async (path, image) => registry.put(path, image, TAG),
    requests: async () => {
      const count = registry.requests.length;
      registry.clearLog();
      return count;
    },
    has: async (path) => registry.manifest(path, TAG) !== undefined,
    stop: () => registry.close(),
  };
}

/**
 * Layers that are compressed as clients see it, although nothing could make them smaller.
 *
 * @param {number} [copy] another number gives other bytes
 */
export function largeImage(copy = 0) {
  const image = tinyImage({ architecture: 'amd64' });
  const layers = [1, 2].map((number) => {
    const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, number), Buffer.alloc(16, copy));
    return blobOf(
      'application/vnd.oci.image.layer.v1.tar+gzip',
      gzipSync(cipher.update(Buffer.alloc(LAYER_BYTES)), { level: 0 }),
    );
  });
  const value = JSON.parse(Buffer.from(image.manifest.bytes).toString());
  const descriptors = layers.map(({ mediaType, digest, size }) => ({ mediaType, digest, size }));
  const bytes = Buffer.from(JSON.stringify({ ...value, layers: descriptors }));
  return { ...image, manifest: blobOf(image.manifest.mediaType, bytes), layers };
}

/**
 * @param {string} mediaType
 * @param {Uint8Array} bytes
 */
export function blobOf(mediaType, bytes) {
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  return { mediaType, digest, bytes, size: bytes.length };
}

/** @param {string} line */
function print(line) {
  process.stdout.write(`${line}\n`);
}
