/**
 * The floor of a copy between two registries with Node: `node floor.mjs SOURCE TARGET` reads each blob with GET, hashes it
 * once and sends it with PUT, with `node:http` alone. It neither logs in, nor retries, nor limits anything.
 */
import { createHash } from 'node:crypto';
import { Agent, request } from 'node:http';

const agent = new Agent({ keepAlive: true });
const [source, target] = process.argv.slice(2).map(parse);
if (source === undefined || target === undefined) throw new Error('usage: floor.mjs SOURCE TARGET');

const read = await send('GET', manifestUrl(source), { accept: 'application/vnd.oci.image.manifest.v1+json' });
const bytes = await collect(read);
const { config, layers } = JSON.parse(bytes.toString());
await Promise.all([config, ...layers].map(copyBlob));
const type = read.headers['content-type'] ?? '';
await drained(await send('PUT', manifestUrl(target), { 'content-type': type }, bytes));
agent.destroy();

/** @param {{ digest: string, size: number }} blob */
async function copyBlob({ digest, size }) {
  const [from, session] = await Promise.all([
    send('GET', new URL(`${source?.repository}/blobs/${digest}`)),
    send('POST', new URL(`${target?.repository}/blobs/uploads/`), { 'content-length': '0' }),
  ]);
  session.resume();
  const url = new URL(session.headers.location ?? '', target?.repository);
  url.searchParams.set('digest', digest);
  const hash = createHash('sha256');
  const headers = { 'content-type': 'application/octet-stream', 'content-length': String(size) };
  const put = request(url, { method: 'PUT', headers, agent });
  const response = responseTo(put);
  from.on('data', (chunk) => {
    hash.update(chunk);
    if (!put.write(chunk)) from.pause();
  });
  put.on('drain', () => from.resume());
  from.on('end', () => {
    if (`sha256:${hash.digest('hex')}` !== digest) throw new Error(`${digest}: the digest differs`);
    put.end();
  });
  await drained(await response);
}

/** @param {string} method @param {URL} url @param {Record<string, string>} [headers] @param {Buffer} [body] */
function send(method, url, headers = {}, body) {
  const sent = request(url, { method, headers, agent });
  sent.end(body);
  return responseTo(sent);
}

/** @param {import('node:http').ClientRequest} sent @returns {Promise<import('node:http').IncomingMessage>} */
function responseTo(sent) {
  return new Promise((resolve, reject) => {
    sent.once('error', reject);
    sent.once('response', (response) => {
      const { statusCode = 0 } = response;
      if (statusCode < 300) resolve(response);
      else reject(new Error(`${sent.method} ${sent.path}: ${statusCode}`));
    });
  });
}

/** @param {import('node:http').IncomingMessage} response */
async function collect(response) {
  const chunks = [];
  for await (const chunk of response) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** @param {import('node:http').IncomingMessage} response */
function drained(response) {
  return collect(response);
}

/** @param {string} reference */
function parse(reference) {
  const [, host, path, tag] = /^([^/]+)\/(.+):(.+)$/.exec(reference) ?? [];
  return { repository: `http://${host}/v2/${path}`, tag };
}

/** @param {{ repository: string, tag: string | undefined }} reference */
function manifestUrl({ repository, tag }) {
  return new URL(`${repository}/manifests/${tag}`);
}
