import { request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { isIPv6, Socket, type LookupFunction } from 'node:net';
import type { Duplex } from 'node:stream';
import type { SecureContext } from 'node:tls';

import { ADDRESS_ATTEMPTS, startDeadline, TimeLimitError, type TimeLimitCode } from '../deadline.js';
import { serverName } from '../tls/tls-config.js';
import type { ProxyServer } from './proxy-server.js';

export interface TunnelOptions {
  readonly proxy: ProxyServer;
  /** For a proxy that is contacted over TLS. @default node's own */
  readonly context: SecureContext | undefined;
  /** The server, without the brackets of an IPv6 address. */
  readonly host: string;
  readonly port: number;
  /** Resolves the name of the proxy. */
  readonly lookup: LookupFunction;
  /** The limit for the connection to the proxy and for its response, each in milliseconds. */
  readonly limit: number;
  /** Cancels the tunnel while it is being opened. */
  readonly signal: AbortSignal;
}

/**
 * Opens a tunnel to a server through a proxy (RFC 9110, section 9.3.6). The proxy receives host, port and its own login.
 * @throws ProxyFailure
 */
export function openTunnel(options: TunnelOptions): Promise<Socket> {
  const { proxy, context, host, port, lookup, limit, signal } = options;
  const authority = `${isIPv6(host) ? `[${host}]` : host}:${port}`;
  const request = (proxy.isTls ? tlsRequest : plainRequest)({
    method: 'CONNECT',
    host: proxy.hostname,
    port: proxy.port,
    path: authority,
    headers: { host: authority, connection: 'keep-alive', ...proxy.authorization() },
    agent: false,
    signal,
    lookup,
    ...ADDRESS_ATTEMPTS,
    ...(proxy.isTls && {
      // Independent of --insecure, which is for registries, and of NODE_TLS_REJECT_UNAUTHORIZED.
      rejectUnauthorized: true,
      servername: serverName(proxy.hostname),
      ...(context !== undefined && { secureContext: context }),
    }),
  });
  let stopDeadline: (() => void) | undefined;
  const limitTime = (code: TimeLimitCode): void => {
    stopDeadline?.();
    stopDeadline = startDeadline(limit, () => request.destroy(new TimeLimitError(code, limit)));
  };
  request.once('socket', (connection) => {
    limitTime('MULTIARCH_CONNECT');
    connection.once(proxy.isTls ? 'secureConnect' : 'connect', () => limitTime('MULTIARCH_TUNNEL'));
  });
  return new Promise((resolve, reject) => {
    // With this method, every response causes this event.
    request.once('connect', ({ statusCode: status = 0, headersDistinct }, connection: Duplex, head) => {
      stopDeadline?.();
      if (status >= 200 && status < 300 && connection instanceof Socket) {
        if (head.length > 0) connection.unshift(head);
        resolve(connection);
        return;
      }
      connection.destroy();
      reject(new ProxyFailure({ status, challenges: headersDistinct['proxy-authenticate'] ?? [] }));
    });
    request.once('error', (reason) => {
      stopDeadline?.();
      reject(new ProxyFailure({ reason }));
    });
    request.end();
  });
}

/** Why a proxy opened no tunnel: its response, or the reason why it did not respond. */
export type ProxyProblem =
  | {
      readonly status: number;
      /** The values of Proxy-Authenticate. */
      readonly challenges: readonly string[];
    }
  | { readonly reason: unknown };

/** A failure of a proxy, not of the server behind it. Never leaves `http`. */
export class ProxyFailure extends Error {
  readonly problem: ProxyProblem;

  constructor(problem: ProxyProblem) {
    super('the proxy opened no tunnel');
    this.problem = problem;
  }

  /** Returns the ProxyFailure among an error and its causes. */
  static in(error: unknown): ProxyFailure | undefined {
    for (let inner = error; inner instanceof Error; inner = inner.cause) {
      if (inner instanceof ProxyFailure) return inner;
    }
    return undefined;
  }
}
