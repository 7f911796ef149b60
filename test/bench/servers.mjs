import { once } from 'node:events';
import { Agent, request as httpRequest } from 'node:http';

import { ACCOUNT, loadSupport } from './registries.mjs';

const { FakeServer, Repository, TokenServer, mostAtOnce, sequentialDepth, startRegistry } =
  await loadSupport();

/**
 * What a run asked of the registries and the token server.
 *
 * @typedef {object} Counts
 * @property {number} requests
 * @property {number} connections
 * @property {number} parallel the maximum number of open requests
 * @property {number} sequential the longest chain of requests
 */

/** A proxy that delays each request by a round trip, and the first of each connection by another one, and counts them. */
class DelayProxy {
  #seen = 0;
  /** @type {{ delay: number, connectionDelay: number }} */
  #options = { delay: 0, connectionDelay: 0 };
  #server = new FakeServer(this.#options);
  #agent = new Agent({ keepAlive: true });
  host = '';

  /** @param {() => string} upstream the URL of the server behind it */
  static async start(upstream) {
    const proxy = new DelayProxy();
    const port = await proxy.#server.listen((request) => proxy.#forward(request, upstream()));
    proxy.host = `127.0.0.1:${port}`;
    return proxy;
  }

  /** Clears the counts. @param {number} roundTrip in milliseconds */
  reset(roundTrip) {
    this.#options.delay = roundTrip;
    this.#options.connectionDelay = roundTrip;
    this.#server.clearLog();
    this.#seen = this.#server.connections;
  }

  get requests() {
    return this.#server.requests;
  }

  get connections() {
    return this.#server.connections - this.#seen;
  }

  async stop() {
    this.#agent.destroy();
    await this.#server.close();
  }

  /**
   * @param {import('node:http').IncomingMessage} request
   * @param {string} upstream
   * @returns {Promise<import('../support/fake-server.js').Answer>}
   */
  async #forward(request, upstream) {
    const { method, headers } = request;
    const body = await bytesOf(request);
    // With the host that the client named, so that redirects lead here.
    const sent = httpRequest(new URL(request.url ?? '/', upstream), { method, headers, agent: this.#agent });
    sent.end(body);
    const [response] = /** @type {[import('node:http').IncomingMessage]} */ (await once(sent, 'response'));
    const kept = Object.entries(response.headersDistinct).filter(([name]) => !HOP_BY_HOP.has(name));
    /** @type {Record<string, readonly string[]>} */
    const received = {};
    for (const [name, values = []] of kept) received[name] = values;
    return { status: response.statusCode ?? 500, headers: received, body: await bytesOf(response) };
  }
}

/** The servers of all jobs: a registry, the same content behind token authentication, and a second registry. */
export class Servers {
  #counter = 0;
  /** @type {readonly DelayProxy[]} */
  #proxies;
  /** @type {(() => Promise<void>)[]} */
  #stops;
  #hosts;
  #url;

  /**
   * @param {readonly [DelayProxy, DelayProxy, DelayProxy, DelayProxy]} proxies
   * @param {readonly [Running, Running]} open
   * @param {(() => Promise<void>)[]} stops
   */
  constructor([open, other, secured, token], [registry, second], stops) {
    this.#proxies = [open, other, secured, token];
    this.#hosts = {
      near: { open: registry.host, other: second.host, token: secured.host },
      far: { open: open.host, other: other.host, token: secured.host },
    };
    this.#url = registry.url;
    this.#stops = stops;
  }

  /** Starts all servers on free loopback ports. */
  static async start() {
    /** @type {(() => Promise<void>)[]} */
    const stops = [];
    try {
      /** @type {<T extends { stop: () => Promise<void> }>(started: Promise<T>) => Promise<T>} */
      const added = async (started) => {
        const server = await started;
        stops.push(() => server.stop());
        return server;
      };
      const tokens = await added(
        TokenServer.start({ users: [ACCOUNT], grants: [{ repository: '*', actions: ['pull', 'push'] }] }),
      );
      const token = await added(DelayProxy.start(() => tokens.authority.realm));
      const registry = await added(startRegistry());
      const second = await added(startRegistry());
      const realm = `http://${token.host}/token`;
      const secure = await added(
        startRegistry({ storage: registry.storage, auth: { token: { ...tokens.authority, realm } } }),
      );
      const open = await added(DelayProxy.start(() => registry.url));
      const other = await added(DelayProxy.start(() => second.url));
      const secured = await added(DelayProxy.start(() => secure.url));
      return new Servers([open, other, secured, token], [registry, second], stops);
    } catch (error) {
      for (const stop of stops.toReversed()) await stop();
      throw error;
    }
  }

  /**
   * The hosts and the repositories of one run. The first of the hosts has the sources, the last one gets the index or copy.
   *
   * @param {{ isFar: boolean, token?: boolean | undefined, elsewhere?: boolean | undefined }} options `isFar`: behind the proxies
   */
  place({ isFar, token = false, elsewhere = false }) {
    this.#counter += 1;
    const { open, other, token: secured } = this.#hosts[isFar ? 'far' : 'near'];
    const host = token ? secured : open;
    const prefix = `run-${this.#counter}`;
    return {
      host,
      target: elsewhere ? other : host,
      prefix,
      /** @param {string} path */
      repository: (path) => new Repository({ host, url: this.#url }, `${prefix}/${path}`),
    };
  }

  /** @param {string} reference */
  async has(reference) {
    const [, host = '', path = '', tag = ''] = /^([^/]+)\/(.+):(.+)$/.exec(reference) ?? [];
    const { far, near } = this.#hosts;
    const url = host === far.other || host === near.other ? `http://${near.other}` : this.#url;
    return new Repository({ host, url }, path).hasManifest(tag);
  }

  /** @param {number} roundTrip in milliseconds */
  reset(roundTrip) {
    for (const proxy of this.#proxies) proxy.reset(roundTrip);
  }

  /** @returns {Counts} since the last reset */
  counts() {
    const requests = this.#proxies.flatMap((proxy) => proxy.requests);
    return {
      requests: requests.length,
      connections: this.#proxies.reduce((sum, { connections }) => sum + connections, 0),
      parallel: mostAtOnce(requests),
      sequential: sequentialDepth(requests),
    };
  }

  async stop() {
    for (const stop of this.#stops.toReversed()) await stop();
  }
}

/** @typedef {ReturnType<Servers['place']>} Place */
/** @typedef {import('../support/docker-registry.js').RunningRegistry} Running */

const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'transfer-encoding']);

/** @param {import('node:http').IncomingMessage} message */
async function bytesOf(message) {
  const chunks = [];
  for await (const chunk of message) chunks.push(chunk);
  return Buffer.concat(chunks);
}
