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

/** What goes through the proxy slowly: `upload` the bodies that are put to upload sessions, `download` the blobs that are got. */
type Direction = 'upload' | 'download';

/**
 * A way to a registry that lets so many bytes of a large body through and then no more, so that a test may do something
 * in the middle of a transfer. Everything else passes.
 */
export class StallingProxy {
  /** Resolves when the first body is held up. */
  readonly stalled: Promise<void>;
  readonly #server: Server;
  /** Where the rest of what is held up would go. */
  readonly #held = new Set<Writable>();
  #tell: () => void = () => {};

  private constructor(registry: RunningRegistry, direction: Direction, letThrough: number) {
    this.stalled = new Promise((resolve) => {
      this.#tell = resolve;
    });
    this.#server = createServer((request, response) => {
      const { method = '', url = '' } = request;
      const isSlow = direction === 'upload' ? isUpload(method, url) : isBlob(method, url);
      void this.#pass(request, response, registry, isSlow ? letThrough : Infinity);
    });
  }

  static async start(
    registry: RunningRegistry,
    direction: Direction,
    letThrough: number,
  ): Promise<StallingProxy> {
    const proxy = new StallingProxy(registry, direction, letThrough);
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

  async #pass(
    request: IncomingMessage,
    response: ServerResponse,
    registry: RunningRegistry,
    limit: number,
  ): Promise<void> {
    const { method = '', url = '', headers } = request;
    if (method === 'DELETE') {
      // The end of a connection that is not read from goes unnoticed here.
      for (const held of this.#held) held.destroy();
      // distribution that is told to forget an upload while it still notices the end of its body writes some of it anew.
      const put = `"PUT ${url.replace(/\?.*/, '')}`;
      await expect.poll(registry.log, { timeout: 10_000 }).toContain(put);
    }
    // Its own URLs are made from the Host header, so they lead here too.
    const upstream = sendRequest(registry.url + url, { method, headers, agent: false });
    // The end of either side is the end of the other.
    upstream.on('error', () => response.destroy());
    response.on('close', () => upstream.destroy());
    upstream.flushHeaders();
    this.#copy(request, upstream, limit);
    upstream.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      this.#copy(answer, response, limit);
    });
  }

  #copy(from: Readable, to: Writable, limit: number): void {
    let room = limit;
    from.on('data', (chunk: Buffer) => {
      const isFull = to.write(chunk.subarray(0, room));
      room -= chunk.length;
      if (room < 0) {
        from.removeAllListeners('data').pause();
        this.#held.add(to);
        this.#tell();
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
