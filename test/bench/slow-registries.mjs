/**
 * Prints how the built command copes with registries that are slow, as in docs/reliability.md: the exit code, the seconds and
 * the numbers of lines about waits and of requests. Takes about two minutes.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const SLOW = 65_000;
const command = fileURLToPath(new URL('../../bin/multiarch.js', import.meta.url));
const mediaType = 'application/vnd.oci.image.index.v1+json';
const index = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests: [] }));
const digest = `sha256:${createHash('sha256').update(index).digest('hex')}`;
const head = { 'content-type': mediaType, 'content-length': index.length, 'docker-content-digest': digest };

/**
 * @typedef {object} Scene
 * @property {string} name
 * @property {(app: string) => readonly string[]} argv
 * @property {number} [startsAfter] in milliseconds after the first request was refused
 * @property {string} [slow] the method that is responded to late
 * @property {boolean} [silent]
 * @property {boolean} [drips] sends a body at one byte a second
 */

/** @type {readonly Scene[]} */
const SCENES = [
  { name: 'starts 2 s late', argv: (app) => ['inspect', `${app}:1`], startsAfter: 2000 },
  { name: 'PUT of a tag after 65 s', argv: (app) => ['copy', `${app}:1`, `${app}:new`], slow: 'PUT' },
  { name: 'GET of a manifest after 65 s', argv: (app) => ['inspect', `${app}:1`], slow: 'GET' },
  { name: 'never responds', argv: (app) => ['create', `${app}:new`, `${app}:1`], silent: true },
  { name: 'one byte a second', argv: (app) => ['inspect', `${app}:1`], drips: true },
];

/** @type {(scene: Scene, port: number, directory: string) => Promise<string>} */
async function play({ name, argv, startsAfter, slow, silent, drips }, port, directory) {
  const tags = new Set(['1', digest]);
  let requests = 0;
  /** @type {(request: import('node:http').IncomingMessage, response: import('node:http').ServerResponse) => Promise<void>} */
  const respond = async (request, response) => {
    requests += 1;
    if (silent === true) return;
    if (request.method === slow) await sleep(SLOW);
    const tag = request.url?.split('/').at(-1) ?? '';
    if (request.method === 'PUT') {
      request.resume();
      tags.add(tag);
      response.writeHead(201, { 'docker-content-digest': digest }).end();
    } else if (!tags.has(tag)) response.writeHead(404).end();
    else {
      response.writeHead(200, head);
      if (drips === true)
        for (const byte of index) await sleep(1000).then(() => response.write(Buffer.of(byte)));
      response.end(request.method === 'HEAD' || drips === true ? undefined : index);
    }
  };
  const server = createServer((request, response) => void respond(request, response));
  const listen = () => server.listen(port, '127.0.0.1');
  if (startsAfter === undefined) await once(listen(), 'listening');
  const startedAt = performance.now();
  const env = {
    ...process.env,
    MULTIARCH_STORE: join(directory, 'drafts'),
    DOCKER_CONFIG: directory,
    XDG_CACHE_HOME: directory,
  };
  const child = spawn(process.execPath, [command, ...argv(`127.0.0.1:${port}/app`)], { env });
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    if (stderr === '' && startsAfter !== undefined) setTimeout(listen, startsAfter);
    stderr += chunk;
  });
  const [code] = await once(child, 'close');
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
  const lines = stderr.split('\n').filter((line) => /retrying in|waiting for a response/.test(line));
  server.closeAllConnections();
  server.close();
  return `${name}: exit ${code} after ${seconds} s, ${lines.length} lines about waits, ${requests} requests`;
}

const directory = await mkdtemp(join(tmpdir(), 'multiarch-slow-'));
const results = await Promise.all(SCENES.map((scene, number) => play(scene, 18_600 + number, directory)));
for (const result of results) console.log(result);
await rm(directory, { recursive: true });
