import type { Socket } from 'node:net';

/** Connections that were opened ahead and that no request has taken yet, by where they lead. */
export class PreconnectPool {
  readonly #upEvent: 'connect' | 'secureConnect';
  readonly #sockets = new Map<string, Set<Socket>>();
  readonly #connected = new WeakSet<object>();

  /** @param upEvent what a socket emits when it can be used */
  constructor(upEvent: 'connect' | 'secureConnect') {
    this.#upEvent = upEvent;
  }

  /** How many wait at this place. */
  count(key: string): number {
    return this.#sockets.get(key)?.size ?? 0;
  }

  /**
   * Takes charge of a connection that was just started. While it waits it does not keep the process alive, and its
   * failure is nobody's: the request that would have used it opens its own.
   */
  add(key: string, socket: Socket): void {
    const sockets = this.#sockets.get(key) ?? new Set();
    this.#sockets.set(key, sockets);
    sockets.add(socket);
    socket.unref();
    socket.on('error', () => {});
    socket.once('connect', () => {
      // Node makes a new handle for each address of the host that it tries, and a new handle holds the process again.
      if (sockets.has(socket)) socket.unref();
    });
    socket.once(this.#upEvent, () => {
      if (sockets.has(socket)) this.#connected.add(socket);
    });
    socket.once('close', () => sockets.delete(socket));
  }

  /** A waiting connection to this place, if there is one that still lives. It belongs to the caller from then on. */
  take(key: string): Socket | undefined {
    const sockets = this.#sockets.get(key);
    for (const socket of sockets ?? []) {
      sockets?.delete(socket);
      // Bytes that nobody asked for are a server's farewell ("408 Request Timeout").
      const usable =
        !socket.destroyed && socket.writable && !socket.readableEnded && socket.readableLength === 0;
      if (usable) return socket.ref();
      socket.destroy();
    }
    return undefined;
  }

  /** Was this connection up while it waited? Then the server may have closed it before a request came. */
  wasPreconnected(socket: object): boolean {
    return this.#connected.has(socket);
  }

  /** Destroys all that wait. */
  close(): void {
    for (const sockets of this.#sockets.values()) for (const socket of sockets) socket.destroy();
    this.#sockets.clear();
  }
}
