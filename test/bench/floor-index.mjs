/**
 * The floor of the jobs with indexes: a bare Node.js program that makes the fewest requests, as many at once as possible, with
 * `node:http` alone. It neither checks nor retries anything. `node floor-index.mjs create LIST SOURCE...` reads the manifests and
 * configs, mounts what is in another repository and puts the index; `node floor-index.mjs inspect LIST` reads the index.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';

const OCI = 'application/vnd.oci.image';
const ACCEPT = [`${OCI}.manifest.v1+json`, `${OCI}.index.v1+json`].join(', ');
const agent = new Agent({ keepAlive: true });
let authorization = '';

const [action, ...references] = process.argv.slice(2);
const [list, ...sources] = references.map(parse);
if (list === undefined) throw new Error('usage: floor-index.mjs create|inspect LIST SOURCE...');
if (action === 'inspect')
  process.stdout.write((await send('GET', list, `manifests/${list.tag}`, { accept: ACCEPT })).body);
else await create();
agent.destroy();

async function create() {
  const { login } = settings();
  if (login !== undefined) authorization = await token(login);
  const entries = (await Promise.all(sources.map(entriesOf))).flat();
  const mediaType = `${OCI}.index.v1+json`;
  const index = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests: entries }));
  await send('PUT', list, `manifests/${list?.tag}`, { 'content-type': mediaType }, index);
}

/** @param {Reference} source */
async function entriesOf(source) {
  const { headers, body } = await send('GET', source, `manifests/${source.tag}`, { accept: ACCEPT });
  const mediaType = headers['content-type'] ?? '';
  const manifest = JSON.parse(body.toString());
  // Those of an index have their platforms.
  if (manifest.manifests !== undefined) return manifest.manifests;
  const [{ body: config }] = await Promise.all([
    send('GET', source, `blobs/${manifest.config.digest}`),
    source.path === list?.path ? undefined : copy(source, mediaType, manifest, body),
  ]);
  const { architecture, os, variant, 'os.version': version } = JSON.parse(config.toString());
  const platform = { architecture, os, 'os.version': version, variant };
  return [{ mediaType, size: body.length, digest: digestOf(body), platform }];
}

/** @type {(source: Reference, mediaType: string, manifest: { config: Blob, layers: Blob[] }, body: Buffer) => Promise<void>} */
async function copy(source, mediaType, { config, layers }, body) {
  const blobs = [config, ...layers].map(({ digest }) => digest);
  await Promise.all(
    blobs.map((digest) => send('POST', list, `blobs/uploads/?mount=${digest}&from=${source.path}`)),
  );
  await send('PUT', list, `manifests/${digestOf(body)}`, { 'content-type': mediaType }, body);
}

/** @param {string} login */
async function token(login) {
  const { headers } = await send('GET', list, `manifests/${list?.tag}`, {}, undefined, 401);
  const challenge = headers['www-authenticate'] ?? '';
  const [realm, service] = ['realm', 'service'].map(
    (name) => new RegExp(`${name}="([^"]*)"`).exec(challenge)?.[1],
  );
  const url = new URL(realm ?? '');
  url.searchParams.set('service', service ?? '');
  for (const path of new Set([list, ...sources].map((each) => each?.path))) {
    url.searchParams.append('scope', `repository:${path}:${path === list?.path ? 'pull,push' : 'pull'}`);
  }
  const { body } = await exchange('GET', url, { authorization: `Basic ${login}` });
  return `Bearer ${JSON.parse(body.toString()).token}`;
}

/** The login of the registry in docker's config.json. */
function settings() {
  const text = readFileSync(join(process.env['DOCKER_CONFIG'] ?? '', 'config.json'), 'utf8');
  return { login: JSON.parse(text).auths?.[list?.host ?? '']?.auth };
}

/**
 * @typedef {{ readonly digest: string }} Blob
 * @typedef {{ readonly host: string, readonly path: string, readonly tag: string }} Reference
 *
 * @param {string} method
 * @param {Reference | undefined} reference
 * @param {string} path
 * @param {Record<string, string>} [headers]
 * @param {Buffer} [body]
 * @param {number} [expected]
 */
async function send(method, reference, path, headers = {}, body, expected) {
  const url = new URL(`http://${reference?.host}/v2/${reference?.path}/${path}`);
  const login = authorization === '' ? {} : { authorization };
  const response = await exchange(method, url, { ...login, ...headers }, body);
  const { status } = response;
  if (status !== expected && status >= 300)
    throw new Error(`${method} ${url.href}: ${status} ${response.body.toString()}`);
  return response;
}

/**
 * @param {string} method
 * @param {URL} url
 * @param {Record<string, string>} headers
 * @param {Buffer} [body]
 * @returns {Promise<{ status: number, headers: import('node:http').IncomingHttpHeaders, body: Buffer }>}
 */
function exchange(method, url, headers, body = Buffer.alloc(0)) {
  return new Promise((resolve, reject) => {
    const length = { 'content-length': String(body.length) };
    const sent = request(url, { method, headers: { ...headers, ...length }, agent }, (response) => {
      /** @type {Buffer[]} */
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.once('end', () => {
        const { statusCode: status = 0, headers: received } = response;
        resolve({ status, headers: received, body: Buffer.concat(chunks) });
      });
    });
    sent.once('error', reject);
    sent.end(body);
  });
}

/** @param {Uint8Array} bytes */
function digestOf(bytes) {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** @type {(reference: string) => Reference} */
function parse(reference) {
  const [, host = '', path = '', tag = ''] = /^([^/]+)\/(.+):(.+)$/.exec(reference) ?? [];
  return { host, path, tag };
}
