import type { ProxyServer } from './proxy-server.js';
import type { TlsSettings } from './trust.js';

/** How a request gets to its server. */
export interface Route {
  /** Undefined: directly. */
  readonly proxy: ProxyServer | undefined;
  /** With the server, not with a proxy. Undefined: plain HTTP. */
  readonly tls: TlsSettings | undefined;
}
