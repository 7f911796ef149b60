import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';

import { describe, expect, it, onTestFinished, vi } from 'vitest';

import type { OnEvent, WorkEvent } from '../../../src/content/events.js';
import { dockerEngine } from '../../../src/http/docker/docker-engine.js';
import { CancelledError, MultiarchError } from '../../../src/oci/errors.js';
import { parseReference } from '../../../src/oci/reference.js';
import { readAll } from '../../contract/contract-content.js';
import { failureOf } from '../../support/failure.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { makeTlsFiles } from '../../support/tls-server-files.js';

const CONTENT = Buffer.alloc(300_000, 'content');

/** A daemon on a socket of its own. @returns its `DOCKER_HOST`, and the requests that it got */
async function daemon(respond: RequestListener): Promise<{ host: string; requests: IncomingMessage[] }> {
  const path = join(await temporaryDirectory(), 'docker.sock');
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    respond(request, response);
  });
  await listening(server, path);
  return { host: `unix://${path}`, requests };
}

async function listening(
  server: Server & { closeAllConnections(): void },
  path: string | number,
): Promise<void> {
  await new Promise<void>((resolve) => {
    if (typeof path === 'string') server.listen(path, resolve);
    else server.listen(path, '127.0.0.1', resolve);
  });
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
}

interface SaveOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly idleLimit?: number;
  readonly signal?: AbortSignal;
  readonly onEvent?: OnEvent;
}

function save(
  host: string,
  name = 'app:1',
  { env, signal, ...options }: SaveOptions = {},
): Promise<Readable> {
  const engine = dockerEngine({ env: { ...env, DOCKER_HOST: host }, homeDirectory: '/nowhere', ...options });
  return engine(parseReference(name), { signal });
}

function json(status: number, value: unknown): RequestListener {
  return (_, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
  };
}

/** Begins a tar and leaves the rest to the test. */
function begun(then: (response: ServerResponse) => void): RequestListener {
  return (_, response) => {
    response.writeHead(200, { 'content-type': 'application/x-tar' });
    response.write(CONTENT.subarray(0, 1000), () => then(response));
  };
}

describe('an image', () => {
  it('comes as the daemon sends it', async () => {
    const { host, requests } = await daemon((_, response) => response.end(CONTENT));
    expect((await readAll(await save(host))).equals(CONTENT)).toBe(true);
    expect(requests.map(({ method, url }) => `${method} ${url}`)).toEqual(['GET /images/app:1/get']);
  });

  it('may come in chunks', async () => {
    const { host } = await daemon((_, response) => {
      response.write(CONTENT);
      response.end(CONTENT);
    });
    expect(await readAll(await save(host))).toHaveLength(2 * CONTENT.length);
  });

  it.each<[name: string, url: string]>([
    ['app:1', '/images/app:1/get'],
    ['docker.io/library/app:1', '/images/app:1/get'],
    ['docker.io/team/app:1', '/images/team/app:1/get'],
    ['localhost:5000/a/b:1', '/images/localhost:5000/a/b:1/get'],
    [`app@sha256:${'0'.repeat(64)}`, `/images/app@sha256:${'0'.repeat(64)}/get`],
  ])('%s is asked for as docker does', async (name, url) => {
    const { host, requests } = await daemon((_, response) => response.end());
    await readAll(await save(host, name));
    expect(requests.map((request) => request.url)).toEqual([url]);
  });

  it('is asked for without any credential', async () => {
    const { host, requests } = await daemon((_, response) => response.end());
    await readAll(await save(host));
    expect(Object.keys(requests[0]?.headers ?? {}).toSorted()).toEqual(['accept', 'connection', 'host']);
  });

  it('may come from another machine', async () => {
    const server = createServer((request, response) => response.end(request.url));
    await listening(server, 0);
    const { port } = server.address() as AddressInfo;
    const content = await readAll(await save(`tcp://127.0.0.1:${port}/prefix`));
    expect(content.toString()).toBe('/prefix/images/app:1/get');
  });
});

describe('TLS', () => {
  async function tlsDaemon(): Promise<{ host: string; ca: string; certificate: string; key: string }> {
    const { key, cert, ca } = await makeTlsFiles();
    const server = createTlsServer(
      { key, cert, ca, requestCert: true, rejectUnauthorized: true },
      (_, response) => response.end(CONTENT),
    );
    await listening(server, 0);
    const { port } = server.address() as AddressInfo;
    return { host: `tcp://127.0.0.1:${port}`, ca, certificate: cert, key };
  }

  it('uses the certificates of DOCKER_CERT_PATH', async () => {
    const { host, ca, certificate, key } = await tlsDaemon();
    const directory = await temporaryDirectory();
    await writeFile(join(directory, 'ca.pem'), ca);
    const env = { DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: directory };
    // The daemon requires a client certificate.
    expect((await failureOf(save(host, 'app:1', { env }).then(readAll), MultiarchError)).kind).toBe(
      'unavailable',
    );
    await writeFile(join(directory, 'cert.pem'), certificate);
    await writeFile(join(directory, 'key.pem'), key);
    expect(await readAll(await save(host, 'app:1', { env }))).toHaveLength(CONTENT.length);
  });

  it('fails with a daemon whose authority is unknown', async () => {
    const { host } = await tlsDaemon();
    const env = { DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: await temporaryDirectory() };
    const error = await failureOf(save(host, 'app:1', { env }), MultiarchError);
    expect(error.kind).toBe('unavailable');
    expect(error.message).toContain(`cannot connect to a docker daemon at ${host.slice('tcp://'.length)}`);
    expect(error.hint).toBe('Check DOCKER_HOST and the certificates in DOCKER_CERT_PATH.');
  });

  it('checks the certificate of the daemon even with NODE_TLS_REJECT_UNAUTHORIZED=0', async () => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    onTestFinished(() => void vi.unstubAllEnvs());
    const { host, certificate, key } = await tlsDaemon();
    const directory = await temporaryDirectory();
    await writeFile(join(directory, 'cert.pem'), certificate);
    await writeFile(join(directory, 'key.pem'), key);
    const env = { DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: directory };
    expect((await failureOf(save(host, 'app:1', { env }).then(readAll), MultiarchError)).kind).toBe(
      'unavailable',
    );
  });

  it('is in the hint if only the daemon speaks it', async () => {
    const { host } = await tlsDaemon();
    const error = await failureOf(save(host), MultiarchError);
    expect(error.hint).toContain('DOCKER_TLS_VERIFY=1');
  });

  it('fails with invalid certificates', async () => {
    const { host } = await tlsDaemon();
    const directory = await temporaryDirectory();
    await writeFile(join(directory, 'cert.pem'), 'text');
    const env = { DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: directory };
    expect((await failureOf(save(host, 'app:1', { env }), MultiarchError)).kind).toBe('unavailable');
  });
});

describe('an error of the daemon', () => {
  it.each<[status: number, body: unknown, kind: string, message: string]>([
    [404, { message: 'No such image: app:1' }, 'not-found', 'has no image app:1: No such image: app:1'],
    [404, 'text', 'not-found', 'has no image app:1: text'],
    [
      403,
      { message: 'authorization denied' },
      'unauthorized',
      'denies access to app:1: authorization denied',
    ],
    [500, { message: 'no space left' }, 'unavailable', 'could not save app:1: no space left'],
    [500, { message: 'a\u001b[31mb\n' }, 'unavailable', 'could not save app:1: a [31mb'],
    [500, { message: 'x'.repeat(200_000) }, 'unavailable', 'could not save app:1: status 500'],
    [400, {}, 'failed', 'could not save app:1: status 400'],
    [301, {}, 'failed', 'could not save app:1: status 301'],
  ])('with %i', async (status, body, kind, message) => {
    const { host } = await daemon(json(status, body));
    const error = await failureOf(save(host), MultiarchError);
    expect([error.kind, error.message]).toEqual([
      kind,
      `docker at ${host.slice('unix://'.length)} ${message}`,
    ]);
  });

  it('is incomplete', async () => {
    const { host } = await daemon((_, response) => {
      response.writeHead(500, { 'content-length': '100' });
      response.write('{', () => response.destroy());
    });
    expect((await failureOf(save(host), MultiarchError)).message).toContain('could not save app:1: {');
  });
});

describe('a daemon that does not listen', () => {
  it('has no socket', async () => {
    const path = join(await temporaryDirectory(), 'docker.sock');
    const error = await failureOf(save(`unix://${path}`), MultiarchError);
    expect(error.kind).toBe('unavailable');
    expect(error.message).toBe(`no docker daemon at ${path}: no such socket`);
    expect(error.hint).toContain('DOCKER_HOST');
  });

  it('left its socket behind', async () => {
    const path = join(await temporaryDirectory(), 'docker.sock');
    await writeFile(path, '');
    const error = await failureOf(save(`unix://${path}`), MultiarchError);
    expect(error.message).toBe(`no docker daemon at ${path}: connection refused`);
  });

  it('does not listen at its port', async () => {
    const server = createServer();
    await listening(server, 0);
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const error = await failureOf(save(`tcp://127.0.0.1:${port}`), MultiarchError);
    expect(error.message).toBe(`no docker daemon at 127.0.0.1:${port}: connection refused`);
  });

  it.skipIf(process.getuid?.() === 0)('may not be spoken to', async () => {
    const { host } = await daemon((_, response) => response.end());
    await chmod(host.slice('unix://'.length), 0);
    const error = await failureOf(save(host), MultiarchError);
    expect(error.kind).toBe('unauthorized');
    expect(error.hint).toContain('group docker');
  });

  it('is on a machine that is reached over ssh', async () => {
    expect((await failureOf(save('ssh://host'), MultiarchError)).kind).toBe('argument');
  });
});

describe('a daemon that fails midway', () => {
  it('breaks off', async () => {
    const { host } = await daemon(begun((response) => response.destroy()));
    const error = await failureOf(save(host).then(readAll), MultiarchError);
    expect(error.kind).toBe('unavailable');
    expect(error.message).toMatch(/: the connection was lost after \d+ bytes of app:1$/);
  });

  it('ends early', async () => {
    const { host } = await daemon((_, response) => {
      response.writeHead(200, { 'content-length': '2000' });
      response.write(CONTENT.subarray(0, 1000), () => response.socket?.end());
    });
    const error = await failureOf(save(host).then(readAll), MultiarchError);
    expect(error.kind).toBe('unavailable');
  });

  it('falls silent', async () => {
    const { host } = await daemon(begun(() => {}));
    const error = await failureOf(save(host, 'app:1', { idleLimit: 500 }).then(readAll), MultiarchError);
    expect(error.kind).toBe('unavailable');
    expect(error.message).toContain('no data for 0.5 s after 1000 bytes of app:1');
  });

  it('never responds', async () => {
    const { host } = await daemon(() => {});
    const error = await failureOf(save(host, 'app:1', { idleLimit: 50 }), MultiarchError);
    expect(error.kind).toBe('unavailable');
    expect(error.message).toContain('within 0.05 s');
  });

  it('is given all the time while no reader waits', async () => {
    const { host } = await daemon((_, response) => response.end(CONTENT));
    const body = await save(host, 'app:1', { idleLimit: 20 });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await readAll(body)).toHaveLength(CONTENT.length);
  });
});

describe('a signal', () => {
  it('that has fired keeps the daemon from being asked', async () => {
    const { host, requests } = await daemon((_, response) => response.end());
    const error = await failureOf(save(host, 'app:1', { signal: AbortSignal.abort() }), MultiarchError);
    expect(error).toBeInstanceOf(CancelledError);
    expect(requests).toEqual([]);
  });

  it('ends the wait for a response', async () => {
    const controller = new AbortController();
    const { host } = await daemon(() => controller.abort());
    const error = await failureOf(save(host, 'app:1', { signal: controller.signal }), MultiarchError);
    expect(error.message).toBe('cancelled: save app:1');
  });

  it('ends a response, and an error that is being read', async () => {
    for (const status of [200, 500]) {
      const controller = new AbortController();
      const { host } = await daemon((_, response) => {
        response.writeHead(status);
        response.write('{', () => setImmediate(() => controller.abort()));
      });
      const error = await failureOf(
        save(host, 'app:1', { signal: controller.signal }).then(readAll),
        MultiarchError,
      );
      expect(error).toBeInstanceOf(CancelledError);
    }
  });
});

it('closing what comes closes the connection', async () => {
  let closed: () => void;
  const gone = new Promise<void>((resolve) => (closed = resolve));
  const { host } = await daemon((request, response) => {
    request.socket.once('close', () => closed());
    response.write(CONTENT);
  });
  (await save(host)).destroy();
  await gone;
});

describe('a daemon that sends nothing', () => {
  it.each([
    ['before the image', false],
    ['in the middle of it', true],
  ])('is reported after 5 s, and each time the wait has doubled: %s', async (_when, hasBegun) => {
    let came = (): void => {};
    const requested = new Promise<void>((resolve) => (came = resolve));
    const { host } = await daemon((_request, response) => {
      if (hasBegun) response.write('some');
      came();
    });
    const events: WorkEvent[] = [];
    const controller = new AbortController();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const { signal } = controller;
    const reading = save(host, 'app:1', { signal, onEvent: (event) => events.push(event) });
    const ended = expect(reading.then(readAll)).rejects.toThrow(CancelledError);
    await requested;
    if (hasBegun) {
      await reading;
      for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate);
    }
    vi.advanceTimersByTime(21_000);
    const waited = { kind: 'daemon-waiting', host: host.replace('unix://', ''), image: 'app:1' };
    expect(events).toEqual([5_000, 10_000, 20_000].map((milliseconds) => ({ ...waited, milliseconds })));
    controller.abort();
    await ended;
  });
});
