import { createServer, type AddressInfo, type Socket } from 'node:net';

import { describe, expect, it, onTestFinished } from 'vitest';

import { GotClient } from '../../src/http/got-client.js';
import {
  InvalidError,
  NotFoundError,
  UnavailableError,
  type ErrorKind,
  type MultiarchError,
} from '../../src/oci/errors.js';
import { parseDigest } from '../../src/oci/digest.js';
import { parseDocument } from '../../src/oci/parse.js';
import { parseReference, parseTag } from '../../src/oci/reference.js';
import { RegistryRepository } from '../../src/registry/registry-repository.js';
import { artifact, documentOf } from '../support/artifact.js';
import { failureOf } from '../support/failure.js';
import { generatedBlob, generatedSource } from '../support/generated-source.js';
import { pair as index } from '../support/images.js';
import { connect, startRegistry } from '../support/open-repository.js';
import { failure, type Answer, type LoggedRequest } from '../support/fake-server.js';
import { describeVectors, vectorJson } from '../support/vectors.js';

const tag = parseTag('1.2');
const auth = { kind: 'bearer', username: 'me', password: 'secret' } as const;
const credential = { kind: 'basic', username: 'me', password: 'secret' } as const;

/** Responds with this to the first request, and as a registry to all others. */
function once(answer: Answer | ((next: () => Promise<Answer>) => Promise<Answer>)) {
  let asked = 0;
  return (_request: LoggedRequest, next: () => Promise<Answer>): Answer | Promise<Answer> => {
    asked += 1;
    if (asked > 1) return next();
    return typeof answer === 'function' ? answer(next) : answer;
  };
}

/** A server that writes the given bytes, HTTP or not, for each request. */
async function startRaw(respond: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', () => respond(socket));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('a request that fails for a while', () => {
  it.each<[string, Answer]>([
    ['408', { status: 408 }],
    ['429', { status: 429, headers: { 'retry-after': '2' } }],
    ['500', { status: 500 }],
    ['502', { status: 502, body: Buffer.from('<html>Bad Gateway</html>') }],
    ['503', { status: 503 }],
    ['504', { status: 504 }],
    ['a connection that is cut before the response', { status: 0, fault: 'reset' }],
  ])('is sent again after %s', async (_what, answer) => {
    const registry = await startRegistry({ fault: once(answer) });
    registry.put('app', index, '1.2');
    const document = await connect(registry.host)('app').readManifest(tag);
    expect(document.digest).toBe(index.digest);
    expect(registry.requests).toHaveLength(2);
  });

  it.each([400, 401, 403, 404, 405, 501])('is not sent again after %i', async (status) => {
    const registry = await startRegistry({ fault: () => ({ status }) });
    await expect(connect(registry.host)('app').readManifest(tag)).rejects.toThrow();
    expect(registry.requests).toHaveLength(1);
  });

  it.each<[number, ErrorKind]>([
    [429, 'rate-limited'],
    [503, 'unavailable'],
  ])('ends with the reason of the last try when it was %i throughout', async (status, kind) => {
    const registry = await startRegistry({
      fault: () => failure(status, 'UNKNOWN', 'come back later'),
    });
    const error = await failureOf(connect(registry.host)('app').readManifest(tag));
    expect(error).toMatchObject({ kind, message: expect.stringContaining('come back later') as string });
    expect(registry.requests).toHaveLength(3);
  });

  it('puts a manifest again, as that is idempotent', async () => {
    const puts = once({ status: 502 });
    const registry = await startRegistry({
      fault: (request, next) => (request.method === 'PUT' ? puts(request, next) : next()),
    });
    registry.put('app', index);
    await connect(registry.host)('app').writeManifest(parseDocument(index.bytes), { tag });
    expect(registry.lines()).toEqual([
      'PUT /v2/app/manifests/1.2 502',
      'HEAD /v2/app/manifests/1.2 404',
      'PUT /v2/app/manifests/1.2 201',
    ]);
  });
});

describe('a response that breaks off', () => {
  const isToken = ({ path }: LoggedRequest): boolean => path.startsWith('/token');

  /** Cuts the bodies of the first responses to these requests, after a byte. */
  function cutting(which: (request: LoggedRequest) => boolean, times: number) {
    let cut = 0;
    return async (request: LoggedRequest, next: () => Promise<Answer>): Promise<Answer> => {
      const answer = await next();
      if (!which(request) || answer.body === undefined) return answer;
      cut += 1;
      return cut > times ? answer : { ...answer, fault: 'short-body', sent: 1 };
    };
  }

  it('is requested again: a manifest', async () => {
    const registry = await startRegistry({ fault: cutting(() => true, 2) });
    registry.put('app', index, '1.2');
    const document = await connect(registry.host)('app').readManifest(tag);
    expect(document.digest).toBe(index.digest);
    expect(registry.requests).toHaveLength(3);
  });

  it('is requested again: a token', async () => {
    const registry = await startRegistry({ auth, fault: cutting(isToken, 2) });
    registry.put('app', index, '1.2');
    const document = await connect(registry.host, { credential })('app').readManifest(tag);
    expect(document.digest).toBe(index.digest);
    expect(registry.requests.filter(isToken)).toHaveLength(3);
  });

  it.each([{ referrers: {} }, {}])('is requested again: a list of referrers (%o)', async (options) => {
    const registry = await startRegistry({ ...options, fault: cutting(() => true, 2) });
    const [image = expect.fail()] = index.images;
    registry.put('app', image);
    const signature = artifact(image.manifest, { text: 'signature' });
    const target = connect(registry.host)('app');
    const { config, layers } = signature;
    for (const blob of [config, ...layers]) registry.putBlob('app', blob.bytes);
    await target.writeManifest(documentOf(signature));
    const listed = await target.listReferrers(parseDigest(image.manifest.digest));
    expect(listed.map(({ digest }) => digest)).toEqual([signature.manifest.digest]);
  });

  it('is requested again: the reason of an error', async () => {
    let puts = 0;
    const registry = await startRegistry({
      fault: async (request, next) => {
        if (request.method !== 'PUT') return next();
        puts += 1;
        const answer = failure(400, 'MANIFEST_BLOB_UNKNOWN', 'blob unknown to registry');
        return puts === 1 ? { ...answer, fault: 'short-body', sent: 9 } : next();
      },
    });
    registry.put('app', index);
    await connect(registry.host)('app').writeManifest(parseDocument(index.bytes), { tag });
    expect(puts).toBe(2);
  });

  it('is an error after the last try', async () => {
    const registry = await startRegistry({ fault: cutting(() => true, Infinity) });
    registry.put('app', index, '1.2');
    await expect(connect(registry.host)('app').readManifest(tag)).rejects.toBeInstanceOf(UnavailableError);
    expect(registry.requests).toHaveLength(3);
  });

  it('is requested again: a blob', async () => {
    const registry = await startRegistry({ fault: cutting(() => true, 2) });
    const bytes = Buffer.from('a config');
    const digest = parseDigest(registry.putBlob('app', bytes));
    const blob = { mediaType: 'application/octet-stream', digest, size: bytes.length };
    const waits: number[] = [];
    const stream = await connect(registry.host, { waits })('app').openBlob(blob);
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    expect(Buffer.concat(chunks)).toEqual(bytes);
  });
});

describe('a wrong response', () => {
  it('states a wrong digest', async () => {
    const wrong = `sha256:${'0'.repeat(64)}`;
    const registry = await startRegistry({
      fault: async (_request, next) => {
        const response = await next();
        return { ...response, headers: { ...response.headers, 'docker-content-digest': wrong } };
      },
    });
    registry.put('app', index, '1.2');
    await expect(connect(registry.host)('app').readManifest(tag)).rejects.toBeInstanceOf(InvalidError);
  });

  it.each(['text/html', 'application/vnd.oci.image.manifest.v1+json'])('has the type %s', async (type) => {
    const registry = await startRegistry({
      fault: async (_request, next) => {
        const response = await next();
        return { ...response, headers: { ...response.headers, 'content-type': type } };
      },
    });
    registry.put('app', index, '1.2');
    await expect(connect(registry.host)('app').readManifest(tag)).rejects.toBeInstanceOf(InvalidError);
  });

  it('is a login page of a proxy', async () => {
    const body = Buffer.from('<!DOCTYPE html><title>Log in</title>');
    const registry = await startRegistry({
      fault: () => ({ status: 200, headers: { 'content-type': 'text/html' }, body }),
    });
    const error = await failureOf(connect(registry.host)('app').readManifest(tag));
    expect(error).toBeInstanceOf(InvalidError);
    expect(String(error)).toContain('HTML');
  });

  it('announces a manifest of 64 MiB', async () => {
    let written = 0;
    const host = await startRaw((socket) => {
      socket.write(
        `HTTP/1.1 200 OK\r\nContent-Type: ${index.mediaType}\r\nContent-Length: ${64 << 20}\r\n\r\n`,
      );
      written += 1;
    });
    await expect(connect(host)('app').readManifest(tag)).rejects.toThrow(/67108864 bytes long/);
    expect(written).toBe(1);
  });

  it('has no end and no length', async () => {
    const piece = Buffer.alloc(1 << 20, ' ');
    let sent = 0;
    const host = await startRaw((socket) => {
      socket.write(
        `HTTP/1.1 200 OK\r\nContent-Type: ${index.mediaType}\r\nTransfer-Encoding: chunked\r\n\r\n`,
      );
      const more = (): void => {
        if (socket.destroyed) return;
        sent += piece.length;
        socket.write(`${piece.length.toString(16)}\r\n`);
        socket.write(piece);
        socket.write('\r\n', () => setImmediate(more));
      };
      more();
    });
    await expect(connect(host)('app').readManifest(tag)).rejects.toBeInstanceOf(InvalidError);
    expect(sent).toBeLessThan(64 << 20);
  });

  it('redirects the PUT of a manifest: the credential stays', async () => {
    const elsewhere = await startRegistry();
    elsewhere.put('app', index, '1.2');
    const registry = await startRegistry({
      auth,
      fault: async ({ path }, next) => {
        const response = await next();
        if (!path.includes('/manifests/') || response.status === 401) return response;
        return { status: 307, headers: { location: `http://${elsewhere.host}${path}` } };
      },
    });
    const document = await connect(registry.host, { credential })('app').readManifest(tag);
    expect(document.digest).toBe(index.digest);
    expect(elsewhere.requests.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });
});

describe('a token that runs out in the middle of a run', () => {
  it('is replaced, whichever request meets it', async () => {
    const registry = await startRegistry({ auth });
    registry.put('source', index, '1.2');
    const open = connect(registry.host, { credential });
    const source = open('source', 'pull');
    const target = open('app');
    registry.expireTokens();
    const document = await source.readManifest(tag);
    if (document.kind !== 'index') throw new Error('seeded an index');
    for (const child of document.value.manifests) {
      registry.expireTokens();
      const image = await source.readManifest(child.digest);
      if (image.kind !== 'manifest') throw new Error('seeded images');
      for (const blob of [image.value.config, ...image.value.layers]) {
        registry.expireTokens();
        await target.copyBlob(blob, source);
      }
      registry.expireTokens();
      await target.writeManifest(image);
    }
    registry.expireTokens();
    await target.writeManifest(document, { tag });
    expect(registry.manifest('app', '1.2')?.digest).toBe(index.digest);
  });

  it('is not asked for over and over', async () => {
    const registry = await startRegistry({
      auth,
      fault: async ({ path }, next) => {
        if (path.startsWith('/token')) return next();
        const challenge = `Bearer realm="http://${registry.host}/token",service="memory"`;
        return { ...failure(401, 'UNAUTHORIZED', 'not you'), headers: { 'www-authenticate': challenge } };
      },
    });
    const error = await failureOf(connect(registry.host, { credential })('app').readManifest(tag));
    expect(error).toMatchObject({
      kind: 'unauthorized',
      message: expect.stringContaining('not you') as string,
    });
    expect(registry.requests).toHaveLength(3);
  });
});

describe('secrets', () => {
  it('of a signed upload address do not get into an error', async () => {
    const registry = await startRegistry({
      fault: async ({ method }, next) => {
        if (method === 'PUT') return failure(400, 'BLOB_UPLOAD_INVALID_SIZE', 'no');
        const response = await next();
        return method === 'POST'
          ? { ...response, headers: { location: '/v2/app/blobs/uploads/u?_state=SIGNED' } }
          : response;
      },
    });
    const blob = generatedBlob(10);
    const error = await failureOf(connect(registry.host)('app').copyBlob(blob, generatedSource()));
    const { message, hint, exchange, stack } = error as MultiarchError;
    expect(exchange?.status).toBe(400);
    expect(JSON.stringify({ message, hint, exchange, stack })).not.toContain('SIGNED');
  });
});

describeVectors('responses recorded from registries', () => {
  interface Row {
    readonly name: string;
    readonly raw_http_response: string;
  }
  const vectors = vectorJson<{
    readonly manifest_unknown_responses: readonly (Row & { readonly is_manifest_unknown: boolean })[];
    readonly registry_error_responses: { readonly cases: readonly Row[] };
  }>('challenges.json');

  /** Reads a manifest from a server with this response. Without authentication: one row has a challenge of docker.io. */
  async function read({ raw_http_response: raw }: Row): Promise<unknown> {
    const host = await startRaw((socket) => socket.end(Buffer.from(raw, 'latin1')));
    const http = new GotClient({ userAgent: 'multiarch-test', retries: 0 });
    onTestFinished(() => http.close());
    const repository = new RegistryRepository({
      auth: { send: (_registry, request) => http.send(request) },
      repository: parseReference(`${host}/app`),
      access: 'pull',
    });
    return failureOf(repository.readManifest(tag));
  }

  it.each(vectors.manifest_unknown_responses)('$name: no such manifest', async (row) => {
    const error = await read(row);
    expect(error instanceof NotFoundError).toBe(row.is_manifest_unknown);
  });

  /** The kind of each error, and the part of the registry's text that its message must have. */
  const expectations: Record<string, readonly [ErrorKind, ...(readonly string[])]> = {
    'HTTP status out of registry error range': ['failed', 'responded with 333: Body of the request'],
    'HTTP body not in expected format': ['failed', '400 Bad Request: JSON? What JSON?'],
    '401 body not in expected format': ['unauthorized', '401 Unauthorized: JSON? What JSON?'],
    'GET https://registry-1.docker.io/v2/library/this-does-not-exist/manifests/latest': [
      'unauthorized',
      'UNAUTHORIZED: authentication required',
      'insufficient_scope',
    ],
    'GET https://registry-1.docker.io/v2/library/busybox/manifests/this-does-not-exist': [
      'not-found',
      'MANIFEST_UNKNOWN: manifest unknown',
      'has no such tag',
    ],
    'GET https://public.ecr.aws/v2/nginx/nginx/tags/list': ['not-found', 'NOT_FOUND: 404 page not found'],
    'registry.redhat.io/v2/this-does-not-exist/manifests/latest': ['not-found', '404: Not Found'],
    'registry.redhat.io/v2/rhosp15-rhel8/openstack-cron/manifests/sha256-8df5e60c42668706ac108b59c559b9187fa2de7e4e262e2967e3e9da35d5a8d7.sig':
      ['not-found', '404 Not Found: Not found'],
    'Harbor v2.10.2 manifest not found': ['not-found', 'NOT_FOUND: artifact test/alpine:sha256-'],
  };

  it.each(vectors.registry_error_responses.cases)('$name', async (row) => {
    const expected = expectations[row.name];
    if (expected === undefined) throw new Error(`a new row that nothing is expected of: ${row.name}`);
    const [kind, ...facts] = expected;
    const error = (await read(row)) as MultiarchError;
    expect(error.kind).toBe(kind);
    for (const fact of facts) expect(`${error.message} ${error.hint ?? ''}`).toContain(fact);
  });
});
