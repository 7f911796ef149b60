import { request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { isIP, isIPv6, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { SecureContext } from 'node:tls';

import { ADDRESS_ATTEMPTS, startDeadline, TimeLimitError, type TimeLimitCode } from '../deadline.js';
import type { ProxyServer } from './proxy-server.js';

export interface TunnelOptions {
  readonly proxy: ProxyServer;
  /** For a proxy that is contacted over TLS. @default node's own */
  readonly context: SecureContext | undefined;
  /** The server, without the brackets of an IPv6 address. */
  readonly host: string;
  readonly port: number;
  /** The limit for the connection to the proxy and for its response, each in milliseconds. */
  readonly limit: number;
  /** Either this or `onFailure` is called, once. */
  readonly onOpen: (socket: Socket) => void;
  readonly onFailure: (failure: ProxyFailure) => void;
}

/**
 * Opens a tunnel to a server through a proxy (RFC 9110, section 9.3.6). The proxy receives host, port and its own login.
 * @returns a function that cancels it, without effect once the tunnel is open
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
      // Independent of --insecure, which is for registries, and of NODE_TLS_REJECT_UNAUTHORIZED.
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
  // With this method, every response causes this event.
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

/** Why a proxy opened no tunnel: its response, or the reason why it did not respond. */
export type ProxyProblem =
  | {
      readonly status: number;
      /** The authentication schemes of a 407, as the proxy spells them. */
      readonly offered: readonly string[];
    }
  | { readonly reason: unknown };

/** A failure of a proxy, not of the server behind it. Never leaves `http`. */
export class ProxyFailure extends Error {
  readonly code = 'MULTIARCH_PROXY';
  readonly proxy: ProxyServer;
  readonly problem: ProxyProblem;

  constructor(proxy: ProxyServer, problem: ProxyProblem) {
    super(proxy.label);
    this.proxy = proxy;
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

/** Returns the schemes of `Proxy-Authenticate`. @param values the values of the repeated header */
export function offeredSchemes(values: readonly string[]): readonly string[] {
  return values.flatMap((value) => /^\s*([A-Za-z][A-Za-z0-9-]*)/.exec(value)?.[1] ?? []);
}
