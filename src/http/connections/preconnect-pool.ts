import type { Socket } from 'node:net';

const connectedSockets = new WeakSet<object>();

/** Reports whether a socket was connected before a request used it, so that the server may have closed it since. */
export function wasPreconnected(socket: object): boolean {
  return connectedSockets.has(socket);
}

const addresses = new WeakMap<Socket, Promise<string | undefined>>();

/** Returns the address that a socket is connected to, once it is; `undefined` if it cannot connect. */
export function connectedAddress(socket: Socket): Promise<string | undefined> {
  const known = addresses.get(socket);
  if (known !== undefined) return known;
  const address = new Promise<string | undefined>((resolve) => {
    const report = (): void => resolve(socket.remoteAddress);
    if (socket.connecting) socket.once('connect', report).once('close', report);
    else report();
  });
  addresses.set(socket, address);
  return address;
}

/** Connections that were opened ahead of requests and are not used yet, by host and port. */
export class PreconnectPool {
  readonly #upEvent: 'connect' | 'secureConnect';
  readonly #sockets = new Map<string, Set<Socket>>();

  /** @param upEvent the event of a socket that can be used */
  constructor(upEvent: 'connect' | 'secureConnect') {
    this.#upEvent = upEvent;
  }

  /** Returns the connections of a key. */
  of(key: string): readonly Socket[] {
    return [...(this.#sockets.get(key) ?? [])];
  }

  /**
   * Adds a connection that was just started. Until it is used, it does not keep the process alive, and its failure is
   * ignored: the request opens another one.
   */
  add(key: string, socket: Socket): void {
    const sockets = this.#sockets.get(key) ?? new Set();
    this.#sockets.set(key, sockets);
    sockets.add(socket);
    socket.unref();
    socket.on('error', () => {});
    socket.once('connect', () => {
      // Node creates a new handle for each address of the host, and a new handle keeps the process alive again.
      if (sockets.has(socket)) socket.unref();
    });
    socket.once(this.#upEvent, () => {
      if (sockets.has(socket)) connectedSockets.add(socket);
    });
    socket.once('close', () => sockets.delete(socket));
  }

  /** Removes and returns a usable connection of a key, if there is one. It belongs to the caller. */
  take(key: string): Socket | undefined {
    const sockets = this.#sockets.get(key);
    for (const socket of sockets ?? []) {
      sockets?.delete(socket);
      // Unsolicited bytes mean that the server is closing the connection ("408 Request Timeout").
      const usable =
        !socket.destroyed && socket.writable && !socket.readableEnded && socket.readableLength === 0;
      if (usable) return socket.ref();
      socket.destroy();
    }
    return undefined;
  }

  /** Destroys all connections. */
  close(): void {
    for (const sockets of this.#sockets.values()) for (const socket of sockets) socket.destroy();
    this.#sockets.clear();
  }
}
