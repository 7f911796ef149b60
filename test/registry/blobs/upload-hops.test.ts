import type { LookupFunction } from 'node:net';

import { describe, expect, it, onTestFinished } from 'vitest';

import { FakeServer, type Answer, type LoggedRequest } from '../../support/fake-server.js';
import { generatedBlob, generatedSource } from '../../support/generated-source.js';
import { connect } from '../../support/open-repository.js';

const SESSION = '/v2/app/blobs/uploads/1';
const credential = { kind: 'basic', username: 'me', password: 'secret' } as const;
const [small, large] = [generatedBlob(1000), generatedBlob(2 << 20)];

/** The hosts of a test: the registry, and another host that it sends the client to. */
interface Hosts {
  readonly registry: string;
  readonly other: string;
}

/** The responses to the requests of an upload, by host and method. @default a plain upload to the registry */
type Script = (hosts: Hosts, count: number) => Readonly<Record<string, Answer | undefined>>;

/** Every host name has the address of the metadata service. */
const lookup: LookupFunction = (_name, _options, callback) =>
  callback(null, [{ address: '169.254.169.254', family: 4 }]);

const to = (status: number, location: string, headers: Record<string, string> = {}): Answer => ({
  status,
  headers: { location, ...headers },
});

/**
 * Uploads a blob as the script says, to a registry that requires a login. Returns all requests as
 * `METHOD host path login|anonymous`, and the failure.
 */
async function upload(script: Script, options: { chunkSize?: number; blob?: typeof small } = {}) {
  const { chunkSize, blob = small } = options;
  const server = new FakeServer({});
  onTestFinished(() => server.close());
  const ports = new Map<string, number>();
  const counts = new Map<string, number>();
  const answer = (host: keyof Hosts, { method, headers }: LoggedRequest): Answer => {
    const hosts = {
      registry: `127.0.0.1:${ports.get('registry')}`,
      other: `127.0.0.1:${ports.get('other')}`,
    };
    const key = `${host} ${method}`;
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count);
    if (host === 'registry' && method === 'HEAD') {
      return headers.authorization === undefined
        ? { status: 401, headers: { 'www-authenticate': 'Basic realm="r"' } }
        : { status: 404 };
    }
    const defaults: Record<string, Answer> = {
      POST: to(202, SESSION),
      PATCH: { status: 202 },
      PUT: { status: 201 },
      DELETE: { status: 204 },
      GET: { status: 404 },
    };
    return script(hosts, count)[key] ?? defaults[method] ?? { status: 418 };
  };
  for (const host of ['registry', 'other'] as const) {
    ports.set(host, await server.listen((_, entry) => Promise.resolve(answer(host, entry))));
  }
  const registry = `127.0.0.1:${ports.get('registry')}`;
  const repository = connect(registry, { credential, retries: 1, chunkSize, lookup })('app');
  let failure: string | undefined;
  try {
    await repository.copyBlob(blob, generatedSource());
  } catch (error) {
    failure = String(error);
  }
  const lines = server.requests
    .filter(({ method }) => method !== 'HEAD')
    .map(({ method, path, headers }) => {
      const host = headers.host === registry ? 'registry' : 'other';
      const identity = headers.authorization ?? headers.cookie ?? headers['proxy-authorization'];
      return `${method} ${host} ${path.replace(/[?&]digest=.*$/, '')} ${identity === undefined ? 'anonymous' : 'login'}`;
    });
  return { lines, failure };
}

const POST = 'POST registry /v2/app/blobs/uploads/ login';

describe('the login of an upload', () => {
  it.each<[what: string, script: Script, lines: readonly string[]]>([
    ['stays with the registry', () => ({}), [POST, `PUT registry ${SESSION} login`]],
    [
      'stays with a session of the registry by its full URL',
      ({ registry }) => ({ 'registry POST': to(202, `http://${registry}${SESSION}`) }),
      [POST, `PUT registry ${SESSION} login`],
    ],
    [
      'does not go to another host',
      ({ other }) => ({ 'registry POST': to(202, `http://${other}/presigned?sig=1`) }),
      [POST, 'PUT other /presigned?sig=1 anonymous'],
    ],
    [
      'does not go to another host by a redirect of POST',
      ({ other }) => ({
        'registry POST': to(307, `http://${other}/v2/app/blobs/uploads/`),
        'other POST': to(202, '/session?sig=1'),
      }),
      [POST, 'POST other /v2/app/blobs/uploads/ anonymous', 'PUT other /session?sig=1 anonymous'],
    ],
    [
      'does not come back with a Location that another host names',
      ({ registry, other }) => ({
        'registry POST': to(307, `http://${other}/start`),
        'other POST': to(202, `http://${registry}${SESSION}`),
      }),
      [POST, 'POST other /start anonymous', `PUT registry ${SESSION} anonymous`],
    ],
    [
      'does not come back by a redirect of PUT',
      ({ registry, other }) => ({
        'registry POST': to(202, `http://${other}/presigned`),
        'other PUT': to(307, `http://${registry}${SESSION}`),
      }),
      [POST, 'PUT other /presigned anonymous', `PUT registry ${SESSION} anonymous`],
    ],
    [
      'does not come back by two redirects of PUT',
      ({ registry, other }, count) => ({
        'registry PUT': count === 1 ? to(307, `http://${other}/presigned`) : undefined,
        'other PUT': to(307, `http://${registry}${SESSION}`),
      }),
      [
        POST,
        `PUT registry ${SESSION} login`,
        'PUT other /presigned anonymous',
        `PUT registry ${SESSION} anonymous`,
      ],
    ],
  ])('%s', async (_what, script, lines) => {
    expect((await upload(script)).lines).toEqual(lines);
  });

  it('does not come back after a 401 that the registry responds to a foreign session', async () => {
    const { lines, failure } = await upload(({ registry, other }) => ({
      'registry POST': to(307, `http://${other}/start`),
      'other POST': to(202, `http://${registry}${SESSION}`),
      'registry PUT': {
        status: 401,
        headers: { 'www-authenticate': `Bearer realm="http://${other}/token"` },
      },
    }));
    expect(failure).toMatch(/401|denied|not logged in|requires/i);
    expect(lines.slice(2)).toEqual([
      `PUT registry ${SESSION} anonymous`,
      `DELETE registry ${SESSION} anonymous`,
    ]);
  });

  it('does not come back with the Location of a chunk, nor later in the session', async () => {
    const { lines } = await upload(
      ({ registry, other }, count) => ({
        'registry POST': to(202, `http://${other}/chunks`),
        'other PATCH': to(202, `http://${registry}${SESSION}`),
        'registry PATCH': to(202, `/v2/app/blobs/uploads/1${count}`),
      }),
      { chunkSize: 400 },
    );
    expect(lines).toEqual([
      POST,
      'PATCH other /chunks anonymous',
      `PATCH registry ${SESSION} anonymous`,
      `PATCH registry ${SESSION}1 anonymous`,
      `PUT registry ${SESSION}2 anonymous`,
    ]);
  });

  it('does not come back with the Location of a status, nor with the DELETE that cancels', async () => {
    const { lines } = await upload(
      ({ registry, other }, count) => ({
        'registry POST': count === 1 ? to(202, `http://${other}/one`) : { status: 403 },
        'other PUT': { status: 503 },
        'other GET': to(204, `http://${registry}${SESSION}`, { range: '0-999' }),
        'registry PUT': { status: 400 },
      }),
      { blob: large },
    );
    expect(lines.slice(0, 5)).toEqual([
      POST,
      'PUT other /one anonymous',
      'GET other /one anonymous',
      `PUT registry ${SESSION} anonymous`,
      `DELETE registry ${SESSION} anonymous`,
    ]);
  });
});

describe('an upload is not led', () => {
  it.each<[what: string, script: Script, lines: readonly string[], why: RegExp]>([
    [
      'to a manifest at the registry by another host',
      ({ registry, other }) => ({
        'registry POST': to(307, `http://${other}/start`),
        'other POST': to(202, `http://${registry}/v2/app/manifests/latest`),
      }),
      [POST, 'POST other /start anonymous'],
      /another server led there, and its path \/v2\/app\/manifests\/latest is not that of an upload to app/,
    ],
    [
      'to a session of another repository by another host',
      ({ registry, other }) => ({
        'registry POST': to(307, `http://${other}/start`),
        'other POST': to(202, `http://${registry}/v2/victim/blobs/uploads/1`),
      }),
      [POST, 'POST other /start anonymous'],
      /is not that of an upload to app/,
    ],
    [
      'to another program at the registry by a redirect of another host',
      ({ registry, other }) => ({
        'registry POST': to(202, `http://${other}/presigned`),
        'other PUT': to(307, `http://${registry}/admin`),
      }),
      [POST, 'PUT other /presigned anonymous', 'DELETE other /presigned anonymous'],
      /is not that of an upload to app/,
    ],
    [
      'back to the registry by a redirect of POST',
      ({ registry, other }) => ({
        'registry POST': to(307, `http://${other}/start`),
        'other POST': to(307, `http://${registry}/admin`),
      }),
      [POST, 'POST other /start anonymous'],
      /is not that of an upload to app/,
    ],
    [
      'to a manifest by the registry itself',
      () => ({ 'registry POST': to(202, '/v2/app/manifests/latest') }),
      [POST],
      /is not that of an upload session/,
    ],
    [
      'to another program by the registry itself',
      () => ({ 'registry POST': to(202, '/admin') }),
      [POST],
      /is not that of an upload session/,
    ],
    [
      'to a manifest by a redirect of PUT',
      () => ({ 'registry PUT': to(307, '/v2/app/manifests/latest') }),
      [POST, `PUT registry ${SESSION} login`, `DELETE registry ${SESSION} login`],
      /is not that of an upload session/,
    ],
    [
      'to a URL with a login',
      ({ other }) => ({ 'registry POST': to(202, `http://me:secret@${other}/x`) }),
      [POST],
      /it contains user information/,
    ],
    [
      'to a metadata service',
      () => ({ 'registry POST': to(202, 'http://169.254.169.254/latest/uploads') }),
      [POST],
      /metadata service/,
    ],
    [
      'to a name that resolves to a metadata service',
      () => ({ 'registry POST': to(202, 'http://storage.example/latest/uploads') }),
      [POST],
      /rejected the upload location http:\/\/storage\.example that .*: storage\.example resolves to 169\.254\.169\.254, the metadata/,
    ],
    [
      'by a redirect to a name that resolves to a metadata service',
      () => ({ 'registry PUT': to(307, 'http://storage.example/latest') }),
      [POST, `PUT registry ${SESSION} login`, `DELETE registry ${SESSION} login`],
      /rejected a redirect: storage\.example resolves to 169\.254\.169\.254/,
    ],
  ])('%s', async (_what, script, lines, why) => {
    const outcome = await upload(script);
    expect(outcome.failure).toMatch(why);
    expect(outcome.lines).toEqual(lines);
  });
});
