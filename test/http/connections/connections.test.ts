import { EventEmitter, once } from 'node:events';
import { symlink } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';

import { build } from 'esbuild';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { UnavailableError } from '../../../src/oci/errors.js';
import { run } from '../../support/run.js';
import { type TlsFiles } from '../../support/fake-server.js';
import { startScriptedServer, type ScriptedServer } from '../../support/scripted-server.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { makeTestClient } from '../../support/test-client.js';
import { makeTlsFiles } from '../../support/tls-server-files.js';

let tls: TlsFiles;
beforeAll(async () => {
  tls = await makeTlsFiles();
});

const path = '/v2/';

/** Waits, a turn of the event loop at a time, until it is so. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(setImmediate);
}

async function get(
  client: ReturnType<typeof makeTestClient>['client'],
  server: ScriptedServer,
): Promise<number> {
  const response = await client.send({ method: 'GET', url: server.url(path) });
  await response.bytes(1000);
  return response.status;
}

describe('connections', () => {
  it('are used again one after the other', async () => {
    const server = await startScriptedServer();
    server.expect({ method: 'GET', path, times: 7, answer: { status: 200, body: 'x' } });
    const { client } = makeTestClient();
    for (let index = 0; index < 7; index += 1) await get(client, server);
    expect(server.connections).toBe(1);
  });

  it('are as many as there are requests at once', async () => {
    const server = await startScriptedServer();
    const gate = new EventEmitter();
    const after = once(gate, 'open');
    server.expect({ method: 'GET', path, times: 20, answer: { status: 200, after } });
    const { client } = makeTestClient();
    const sending = Array.from({ length: 20 }, () => get(client, server));
    await server.came(20);
    gate.emit('open');
    await Promise.all(sending);
    expect(server.connections).toBe(20);
  });

  it('are used again after an upload', async () => {
    const server = await startScriptedServer();
    server.expect({ method: 'PUT', path, times: 3, answer: { status: 201 } });
    const { client } = makeTestClient();
    for (let index = 0; index < 3; index += 1) {
      const body = { size: 3, open: () => Readable.from([Buffer.from('abc')]) };
      await client.send({ method: 'PUT', url: server.url(path), body });
    }
    expect(server.connections).toBe(1);
  });

  it('that the server closed while idle are replaced without a delay', async () => {
    const { host, closeAll, requests } = await startClosingServer();
    const { client, waits, events } = makeTestClient();
    const url = new URL(`http://${host}/`);
    await (await client.send({ method: 'GET', url })).bytes(10);
    closeAll();
    expect((await client.send({ method: 'GET', url })).status).toBe(200);
    expect(waits).toEqual([]);
    expect(requests()).toBe(3);
    expect(events.filter((event) => event.kind === 'retry')).toMatchObject([{ waitMilliseconds: 0 }]);
  });

  it('that the server closed while idle fail a request that must not be repeated', async () => {
    const { host, closeAll, requests } = await startClosingServer();
    const { client } = makeTestClient();
    const url = new URL(`http://${host}/`);
    await (await client.send({ method: 'GET', url })).bytes(10);
    closeAll();
    await expect(client.send({ method: 'POST', url, retry: false })).rejects.toThrow(UnavailableError);
    expect(requests()).toBe(2);
  });
});

/**
 * A server that, on demand, resets the next request on a used connection, like a server that closes an idle connection
 * at the moment of a request.
 */
async function startClosingServer(): Promise<{ host: string; closeAll: () => void; requests: () => number }> {
  const served = new Set<Socket>();
  const stale = new Set<Socket>();
  let requests = 0;
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', () => {
      requests += 1;
      if (stale.has(socket)) {
        socket.resetAndDestroy();
        return;
      }
      served.add(socket);
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of served) socket.destroy();
    server.close();
  });
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    closeAll: () => {
      for (const socket of served) stale.add(socket);
    },
    requests: () => requests,
  };
}

describe('preconnect', () => {
  it.each(['http', 'https'] as const)('opens connections that requests then use (%s)', async (scheme) => {
    const server = await startScriptedServer(scheme === 'https' ? tls : undefined);
    server.expect({ method: 'GET', path, times: 5, answer: { status: 200 } });
    const { client } = makeTestClient({ schemes: () => [scheme] });
    void client.preconnect(server.url('/'), 4);
    await until(() => server.connections === 4);
    // They are open already.
    void client.preconnect(server.url('/'), 3);
    const statuses = await Promise.all(Array.from({ length: 5 }, () => get(client, server)));
    expect(statuses).toEqual([200, 200, 200, 200, 200]);
    expect(server.connections).toBe(5);
    const used = new Set(server.requests.map((request) => request.connection));
    expect(used).toEqual(new Set([1, 2, 3, 4, 5]));
    // Kept from requests, these count as well.
    void client.preconnect(server.url('/'), 5);
    server.expect({ method: 'GET', path, answer: { status: 200 } });
    await get(client, server);
    expect(server.connections).toBe(5);
  });

  it('opens connections that a request may take before they are connected', async () => {
    const server = await startScriptedServer(tls);
    server.expect({ method: 'GET', path, times: 2, answer: { status: 200 } });
    const { client } = makeTestClient({ schemes: () => ['https'] });
    void client.preconnect(server.url('/'), 2);
    await Promise.all([get(client, server), get(client, server)]);
    expect(server.connections).toBe(2);
  });

  it('knows the scheme of a host once a request has found it out, and does nothing before', async () => {
    const server = await startScriptedServer();
    server.expect({ method: 'GET', path, answer: { status: 200 } });
    const { client } = makeTestClient({
      schemes: () => ['https', 'http'],
      lookup: (_name, _options, callback) => callback(null, [{ address: '127.0.0.1', family: 4 }]),
    });
    const registry = new URL(`https://registry.example:${server.port}${path}`);
    expect(await client.preconnect(registry, 3)).toBeUndefined();
    await client.send({ method: 'GET', url: registry, negotiateScheme: true });
    // The first one was for TLS, which the server does not speak.
    expect(server.connections).toBe(2);
    void client.preconnect(registry, 3);
    await until(() => server.connections === 4);
  });

  it('opens those to this machine in the likelier scheme', async () => {
    const server = await startScriptedServer();
    const { client } = makeTestClient();
    const connected = await client.preconnect(new URL(`https://${server.host}${path}`), 3);
    expect(connected).toEqual({ url: server.url(path), remoteAddress: '127.0.0.1' });
    await until(() => server.connections === 3);
  });

  it('counts the connections in use', async () => {
    const server = await startScriptedServer();
    const gate = new EventEmitter();
    server.expect({ method: 'GET', path, times: 3, answer: { status: 200, after: once(gate, 'open') } });
    const { client } = makeTestClient();
    const first = get(client, server);
    await server.came(1);
    void client.preconnect(server.url('/'), 3);
    const others = [get(client, server), get(client, server)];
    await server.came(3);
    gate.emit('open');
    await Promise.all([first, ...others]);
    expect(server.connections).toBe(3);
  });

  it('does not hand out a connection that died waiting', async () => {
    const server = await startScriptedServer();
    server.expect({ method: 'GET', path, answer: { status: 200 } });
    const { client, events } = makeTestClient();
    void client.preconnect(server.url('/'), 2);
    await until(() => server.connections === 2);
    server.cut();
    // The ends of the two arrive before the beginning of a third.
    const third = connect(server.port, '127.0.0.1');
    await once(third, 'connect');
    third.destroy();
    await until(() => server.connections === 3);
    expect(await get(client, server)).toBe(200);
    expect(events.filter((event) => event.kind === 'retry')).toEqual([]);
  });

  it('to a port without a listener goes unnoticed', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    const { client } = makeTestClient({ retries: 0 });
    const url = new URL(`http://127.0.0.1:${port}/`);
    void client.preconnect(url, 2);
    await expect(client.send({ method: 'GET', url })).rejects.toThrow('refused the connection');
  });

  it('connections are closed with the client', async () => {
    let [opened, closed] = [0, 0];
    const server = createServer((socket) => {
      opened += 1;
      socket.on('error', () => {});
      socket.once('close', () => (closed += 1));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { client } = makeTestClient();
    void client.preconnect(new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`), 3);
    await until(() => opened === 3);
    client.close();
    await until(() => closed === 3);
    server.close();
  });

  it.each(['http', 'https'] as const)('does not keep the process alive (%s)', async (scheme) => {
    const server = await startScriptedServer(scheme === 'https' ? tls : undefined);
    const directory = await temporaryDirectory();
    const outfile = join(directory, 'program.mjs');
    const program = `
      import { GotClient } from './src/http/got-client.js';
      const client = new GotClient({ userAgent: 'test', schemes: () => ['${scheme}'] });
      client.preconnect(new URL('${server.url('/').href}'), 3);
      const response = await client.send({ method: 'GET', url: new URL('${server.url(path).href}') });
      console.log(response.status);
    `;
    await build({
      stdin: { contents: program, resolveDir: process.cwd(), loader: 'ts' },
      outfile,
      bundle: true,
      platform: 'node',
      format: 'esm',
      packages: 'external',
    });
    await symlink(join(process.cwd(), 'node_modules'), join(directory, 'node_modules'));
    // The program ends with the response, which therefore waits for the handshakes.
    const after = until(() => server.connections === 3);
    server.expect({ method: 'GET', path, answer: { status: 200, after } });
    const { code, stdout, stderr } = await run(process.execPath, [outfile], { timeout: 20_000 });
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '200\n', stderr: '' });
    expect(server.connections).toBe(3);
  });
});
