import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type Server } from 'node:tls';

import { makeCertificates, type Certificates } from './certificates.js';
import { ConnectProxy } from './connect-proxy.js';

/**
 * Real host names that lead to local servers: a proxy resolves the names, and terminates TLS with certificates of a private
 * authority in front of each server. The servers use plain HTTP. Needs openssl.
 */
export class BorrowedNames {
  readonly proxy: ConnectProxy;
  /** The environment of a command that uses these names. */
  readonly env: Readonly<Record<string, string>>;
  readonly #fronts: readonly Front[];
  readonly #directory: string;

  private constructor(
    proxy: ConnectProxy,
    fronts: readonly Front[],
    certificates: Certificates,
    directory: string,
  ) {
    this.proxy = proxy;
    this.#fronts = fronts;
    this.#directory = directory;
    this.env = { HTTPS_PROXY: proxy.url, SSL_CERT_FILE: certificates.caFile };
  }

  /** @param servers The port of each host name. */
  static async start(servers: Readonly<Record<string, number>>): Promise<BorrowedNames> {
    const directory = await mkdtemp(join(tmpdir(), 'multiarch-names-'));
    const certificates = await makeCertificates(directory, Object.keys(servers));
    const [key, cert] = await Promise.all(
      [certificates.keyFile, certificates.certFile].map((file) => readFile(file)),
    );
    const fronts = await Promise.all(
      Object.entries(servers).map(([name, port]) => Front.start(name, port, { key, cert })),
    );
    const hosts = Object.fromEntries(fronts.map(({ name, port }) => [`${name}:443`, port]));
    return new BorrowedNames(await ConnectProxy.start({ hosts }), fronts, certificates, directory);
  }

  /** The hosts of all connections so far, without duplicates. */
  get connectedHosts(): readonly string[] {
    const names = this.proxy.lines().map((line) => line.replace(/^CONNECT (.+):443$/, '$1'));
    return [...new Set(names)].toSorted();
  }

  async stop(): Promise<void> {
    await this.proxy.stop();
    await Promise.all(this.#fronts.map((front) => front.stop()));
    await rm(this.#directory, { recursive: true });
  }
}

/** Terminates TLS for one server. */
class Front {
  readonly name: string;
  readonly #server: Server;
  readonly #open = new Set<Socket>();

  private constructor(
    name: string,
    target: number,
    files: { readonly key?: Buffer; readonly cert?: Buffer },
  ) {
    this.name = name;
    this.#server = createServer({ ...files }, (client) => {
      const server = connect(target, '127.0.0.1');
      for (const [socket, other] of [
        [client, server],
        [server, client],
      ] as const) {
        this.#open.add(socket);
        socket.on('error', () => {});
        socket.once('close', () => {
          this.#open.delete(socket);
          other.destroy();
        });
        socket.pipe(other);
      }
    });
    this.#server.on('tlsClientError', () => {});
  }

  static async start(
    name: string,
    target: number,
    { key, cert }: { readonly key: Buffer | undefined; readonly cert: Buffer | undefined },
  ): Promise<Front> {
    const front = new Front(name, target, { ...(key && { key }), ...(cert && { cert }) });
    front.#server.listen(0, '127.0.0.1');
    await once(front.#server, 'listening');
    return front;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#open) socket.destroy();
    await closed;
  }
}
