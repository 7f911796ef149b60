import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

import { onTestFinished } from 'vitest';

/**
 * A proxy that closes connections within what a client sends. The client sees the close after the server has closed its
 * end, so the server has processed all bytes that it received.
 */
export class CuttingProxy {
  readonly #server: Server;
  readonly #to: string;
  readonly #cuts: number[];
  #sent = 0;

  private constructor(to: string, cuts: readonly number[]) {
    this.#to = to;
    this.#cuts = [...cuts];
    this.#server = createServer((client) => this.#pass(client));
  }

  /**
   * @param to Host and port.
   * @param cuts Byte counts. The first connection that sends more than the first count is closed there, the next such
   *   connection at the second count, and so on. All other connections are forwarded.
   */
  static async start(to: string, cuts: readonly number[]): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(to, cuts);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    onTestFinished(() => {
      proxy.#server.close();
    });
    return proxy;
  }

  /** Host and port. */
  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The number of bytes sent to the server, including request headers. */
  get sent(): number {
    return this.#sent;
  }

  #pass(client: Socket): void {
    const [host = '', port] = this.#to.split(':');
    const upstream = connect(Number(port), host);
    let sent = 0;
    client.on('data', (chunk: Buffer) => {
      const [cut = Infinity] = this.#cuts;
      const part = chunk.subarray(0, Math.max(0, cut - sent));
      sent += part.length;
      this.#sent += part.length;
      if (!upstream.write(part)) {
        client.pause();
        upstream.once('drain', () => client.resume());
      }
      if (part.length === chunk.length) return;
      this.#cuts.shift();
      client.removeAllListeners('data').pause();
      upstream.end();
    });
    client.once('close', () => upstream.destroy());
    upstream.once('close', () => client.destroy());
    client.on('error', () => {});
    upstream.on('error', () => {});
    // A response to a request that was cut off is lost with the connection.
    upstream.on('data', (chunk) => {
      if (!upstream.writableEnded) client.write(chunk);
    });
    upstream.on('end', () => client.end());
  }
}
