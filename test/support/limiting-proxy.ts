import { createServer, request as forward, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

import { onTestFinished } from 'vitest';

const PAGE =
  '<html>\r\n<head><title>413 Request Entity Too Large</title></head>\r\n<body>\r\n<center><h1>413 Request Entity Too Large</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n';

/** A reverse proxy that limits the size of request bodies as nginx does: 413, and the connection is closed at once. */
export class LimitingProxy {
  readonly #server: Server;
  /** The sizes of the requests that it rejected. */
  readonly rejected: number[] = [];
  /** The methods and sizes of the requests with a body that it forwarded. */
  readonly forwarded: string[] = [];

  /** @param to host and port @param limit in bytes */
  private constructor(to: string, limit: number) {
    const [host = '', port] = to.split(':');
    this.#server = createServer((incoming, outgoing) => {
      const { method = '', url = '', headers } = incoming;
      const size = Number(headers['content-length'] ?? 0);
      if (size > limit) {
        this.rejected.push(size);
        const fields = { 'content-type': 'text/html', server: 'nginx/1.27.1', connection: 'close' };
        outgoing.writeHead(413, fields).end(PAGE, () => incoming.socket.destroy());
        return;
      }
      if (size > 0) this.forwarded.push(`${method} ${size}`);
      const upstream = forward({ host, port, method, path: url, headers }, (response) => {
        outgoing.writeHead(response.statusCode ?? 502, response.rawHeaders);
        response.pipe(outgoing);
      });
      upstream.on('error', () => outgoing.destroy());
      incoming.pipe(upstream);
    });
  }

  static async start(to: string, limit: number): Promise<LimitingProxy> {
    const proxy = new LimitingProxy(to, limit);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    onTestFinished(() => {
      proxy.#server.close();
      proxy.#server.closeAllConnections();
    });
    return proxy;
  }

  /** Host and port. */
  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }
}
