import { once } from 'node:events';
import {
  createServer,
  request as sendRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Readable, Writable } from 'node:stream';

import { expect } from 'vitest';

import type { RunningRegistry } from './docker-registry.js';

/** The bodies that stall: `upload` those of PUT requests to upload sessions, `download` those of blob reads. */
type Direction = 'upload' | 'download';

/**
 * A proxy to a registry that forwards the first bytes of a large body and then stalls, so that a test can act within a
 * transfer. All other requests are forwarded.
 */
export class StallingProxy {
  /** Resolves when the first body stalls. */
  readonly stalled: Promise<void>;
  readonly #server: Server;
  /** The destinations of stalled bodies. */
  readonly #destinations = new Set<Writable>();
  #reportStall: () => void = () => {};

  private constructor(registry: RunningRegistry, direction: Direction, limit: number) {
    this.stalled = new Promise((resolve) => {
      this.#reportStall = resolve;
    });
    this.#server = createServer((request, response) => {
      const { method = '', url = '' } = request;
      const isSlow = direction === 'upload' ? isUpload(method, url) : isBlob(method, url);
      void this.#forward(request, response, registry, isSlow ? limit : Infinity);
    });
  }

  static async start(registry: RunningRegistry, direction: Direction, limit: number): Promise<StallingProxy> {
    const proxy = new StallingProxy(registry, direction, limit);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  /** Host and port. */
  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #forward(
    request: IncomingMessage,
    response: ServerResponse,
    registry: RunningRegistry,
    limit: number,
  ): Promise<void> {
    const { method = '', url = '', headers } = request;
    if (method === 'DELETE') {
      // Node.js does not report the close of a connection that is not read.
      for (const destination of this.#destinations) destination.destroy();
      // distribution rewrites parts of an upload that is cancelled before it has noticed the end of the body.
      const put = `"PUT ${url.replace(/\?.*/, '')}`;
      await expect.poll(registry.log, { timeout: 10_000 }).toContain(put);
    }
    // The registry makes its URLs from the Host header, so they lead to the proxy.
    const upstream = sendRequest(registry.url + url, { method, headers, agent: false });
    // Either side closes the other.
    upstream.on('error', () => response.destroy());
    response.on('close', () => upstream.destroy());
    upstream.flushHeaders();
    this.#copy(request, upstream, limit);
    upstream.on('response', (incoming) => {
      response.writeHead(incoming.statusCode ?? 502, incoming.headers);
      this.#copy(incoming, response, limit);
    });
  }

  #copy(from: Readable, to: Writable, limit: number): void {
    let room = limit;
    from.on('data', (chunk: Buffer) => {
      const isFull = to.write(chunk.subarray(0, room));
      room -= chunk.length;
      if (room < 0) {
        from.removeAllListeners('data').pause();
        this.#destinations.add(to);
        this.#reportStall();
      } else if (!isFull) {
        from.pause();
        to.once('drain', () => from.resume());
      }
    });
    from.on('end', () => to.end());
    from.on('error', () => to.destroy());
  }
}

function isUpload(method: string, path: string): boolean {
  return method === 'PUT' && path.includes('/blobs/uploads/');
}

function isBlob(method: string, path: string): boolean {
  return method === 'GET' && path.includes('/blobs/sha256:');
}
