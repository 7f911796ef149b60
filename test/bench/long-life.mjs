/**
 * Calls the built library for many rounds in one process, and prints what the process holds: `npm run longlife -- ROUNDS`.
 * Each round creates, annotates, inspects and pushes. The registry is in memory, in a process of its own.
 */
import { fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { tinyImage } from '../support/tiny-image.mjs';

const images = { amd64: tinyImage({ architecture: 'amd64' }), arm64: tinyImage({ architecture: 'arm64' }) };

if (process.argv[2] === 'registry') serve();
else await measure(Number(process.argv[2] ?? 10_000));

/** Serves two images, and stores the manifest that was put last. */
function serve() {
  const blobs = new Map();
  /** @type {Map<string, { bytes: Uint8Array, digest: string, mediaType: string }>} */
  const manifests = new Map();
  for (const [tag, { manifest, config, layers }] of Object.entries(images)) {
    for (const blob of [config, ...layers]) blobs.set(blob.digest, { bytes: blob.bytes });
    for (const name of [tag, manifest.digest]) manifests.set(name, manifest);
  }
  const known = manifests.size;
  const server = createServer((request, response) => {
    void respond(request, response);
  });
  /**
   * @param {import('node:http').IncomingMessage} request
   * @param {import('node:http').ServerResponse} response
   */
  const respond = async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const [, kind, name = ''] = /\/(manifests|blobs)\/([^/?]+)$/.exec(request.url ?? '') ?? [];
    if (request.method === 'PUT' && kind === 'manifests') {
      const bytes = Buffer.concat(chunks);
      const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
      const old = [...manifests.keys()].slice(known);
      for (const each of old) manifests.delete(each);
      const stored = { bytes, digest, mediaType: request.headers['content-type'] ?? '' };
      manifests.set(name, stored).set(digest, stored);
      response.writeHead(201, { 'docker-content-digest': digest }).end();
      return;
    }
    const found = (kind === 'manifests' ? manifests : blobs).get(name);
    if (found === undefined) {
      response.writeHead(request.url === '/v2/' ? 200 : 404, { 'content-type': 'application/json' });
      response.end('{"errors":[{"code":"MANIFEST_UNKNOWN"}]}');
      return;
    }
    const { bytes, digest = name, mediaType = 'application/octet-stream' } = found;
    response.writeHead(200, {
      'content-length': bytes.length,
      'content-type': mediaType,
      'docker-content-digest': digest,
    });
    response.end(request.method === 'HEAD' ? undefined : bytes);
  };
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    process.send?.(typeof address === 'object' ? address?.port : undefined);
  });
  process.once('disconnect', () => process.exit());
}

/** @param {number} rounds */
async function measure(rounds) {
  /** @type {typeof import('../../src/index.js')} */
  const { Multiarch } = await import(new URL('../../dist/index.js', import.meta.url).href);
  const registry = fork(fileURLToPath(import.meta.url), ['registry']);
  const port = await new Promise((resolve) => {
    registry.once('message', resolve);
  });
  const directory = await mkdtemp(join(tmpdir(), 'multiarch-long-life-'));
  const [life, calls] = [new AbortController(), new AbortController()];
  const client = new Multiarch({
    store: join(directory, 'drafts'),
    env: { DOCKER_CONFIG: directory },
    signal: life.signal,
    onEvent: () => {},
  });
  const options = { signal: calls.signal, onEvent: () => {} };
  const app = `127.0.0.1:${port}/app`;
  const name = `${app}:new`;
  /** @param {number} number */
  const round = async (number) => {
    await client.create(name, [`${app}:amd64`, `${app}:arm64`], { ...options, amend: true });
    await client.annotateIndex(name, { annotations: { round: String(number) } }, options);
    const { children } = await client.inspect(name, options);
    for (const child of children) await (await child.read()).config();
    await client.push(name, { ...options, purge: true });
  };
  console.log('rounds  heap (MB)  resident (MB)  active resources  file descriptors');
  try {
    for (let number = 0; number <= rounds; number += 1) {
      if (number % Math.max(1, rounds / 10) === 0) await report(number);
      if (number < rounds) await round(number);
    }
  } finally {
    await client.close();
    registry.disconnect();
    await rm(directory, { recursive: true });
  }
}

/** @param {number} number the rounds so far */
async function report(number) {
  for (let time = 0; time < 3; time += 1) {
    globalThis.gc?.();
    await sleep(20);
  }
  const { heapUsed, rss } = process.memoryUsage();
  const descriptors = process.platform === 'linux' ? (await readdir('/proc/self/fd')).length : '-';
  const figures = [
    String(number).padStart(6),
    (heapUsed / 1e6).toFixed(1).padStart(9),
    (rss / 1e6).toFixed(0).padStart(13),
    String(process.getActiveResourcesInfo().length).padStart(16),
    String(descriptors).padStart(16),
  ];
  console.log(figures.join('  '));
}
