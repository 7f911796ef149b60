import { request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { isIP, isIPv6, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { SecureContext } from 'node:tls';

import { ADDRESS_ATTEMPTS, startDeadline, TimeLimitError, type TimeLimitCode } from '../deadline.js';
import type { ProxyServer } from './proxy-server.js';

export interface TunnelOptions {
  readonly proxy: ProxyServer;
  /** What a proxy that speaks TLS is trusted by. Undefined: node's own. */
  readonly context: SecureContext | undefined;
  /** Of the server, without the brackets of an IPv6 address. */
  readonly host: string;
  readonly port: number;
  /** Milliseconds for a connection to the proxy, and again for its answer, which includes its own connection. */
  readonly limit: number;
  /** Either of the two is told, once. */
  readonly onOpen: (socket: Socket) => void;
  readonly onFailure: (failure: ProxyFailure) => void;
}

/**
 * Has a proxy connect to a server (RFC 9110, section 9.3.6), and gives the connection on which the server can be spoken to.
 * The proxy learns host, port and its own login, and nothing of what is sent later.
 * @returns gives the attempt up. Without effect once it is open.
 */
export function openTunnel(options: TunnelOptions): () => void {
  const { proxy, context, host, port, limit, onOpen, onFailure } = options;
  const authority = `${isIPv6(host) ? `[${host}]` : host}:${port}`;
  const request = (proxy.isTls ? tlsRequest : plainRequest)({
    method: 'CONNECT',
    host: proxy.hostname,
    port: proxy.port,
    path: authority,
    headers: { host: authority, connection: 'keep-alive', ...proxy.authorization() },
    agent: false,
    ...ADDRESS_ATTEMPTS,
    ...(proxy.isTls && {
      // Not up to --insecure, which is about registries, nor to NODE_TLS_REJECT_UNAUTHORIZED.
      rejectUnauthorized: true,
      servername: isIP(proxy.hostname) === 0 ? proxy.hostname : '',
      ...(context !== undefined && { secureContext: context }),
    }),
  });
  let stopDeadline: (() => void) | undefined;
  const limitTime = (code: TimeLimitCode): void => {
    stopDeadline?.();
    stopDeadline = startDeadline(limit, () => request.destroy(new TimeLimitError(code)));
  };
  request.once('socket', (connection) => {
    limitTime('MULTIARCH_CONNECT');
    connection.once(proxy.isTls ? 'secureConnect' : 'connect', () => limitTime('MULTIARCH_TUNNEL'));
  });
  // With this method, every answer comes as this event.
  request.once('connect', ({ statusCode: status = 0, headersDistinct }, connection: Duplex, head) => {
    stopDeadline?.();
    if (status >= 200 && status < 300 && connection instanceof Socket) {
      if (head.length > 0) connection.unshift(head);
      onOpen(connection);
      return;
    }
    connection.destroy();
    const offered = offeredSchemes(headersDistinct['proxy-authenticate'] ?? []);
    onFailure(new ProxyFailure(proxy, { status, offered }));
  });
  request.once('error', (reason) => {
    stopDeadline?.();
    onFailure(new ProxyFailure(proxy, { reason }));
  });
  request.end();
  return () => void request.destroy();
}

/** Why a proxy did not connect us: what it answered, or what kept it from answering. */
export type ProxyProblem =
  | {
      readonly status: number;
      /** Authentication schemes that a 407 offers, in its own spelling. */
      readonly offered: readonly string[];
    }
  | { readonly reason: unknown };

/** A proxy failed, rather than the server behind it. Never leaves this room. */
export class ProxyFailure extends Error {
  readonly code = 'MULTIARCH_PROXY';
  readonly proxy: ProxyServer;
  readonly trouble: ProxyProblem;

  constructor(proxy: ProxyServer, trouble: ProxyProblem) {
    super(proxy.label);
    this.proxy = proxy;
    this.trouble = trouble;
  }

  /** The one that an error was made from, however often it was wrapped. */
  static in(error: unknown): ProxyFailure | undefined {
    for (let inner = error; inner instanceof Error; inner = inner.cause) {
      if (inner instanceof ProxyFailure) return inner;
    }
    return undefined;
  }
}

/** The schemes that `Proxy-Authenticate` offers. @param values one for each time the header is there */
export function offeredSchemes(values: readonly string[]): readonly string[] {
  return values.flatMap((value) => /^\s*([A-Za-z][A-Za-z0-9-]*)/.exec(value)?.[1] ?? []);
}
