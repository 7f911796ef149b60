import { request as plainRequest, type Agent as HttpAgent } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { isIP } from 'node:net';

import type { OptionsInit } from 'got';

import type { ProxyServer } from './proxy-server.js';

/**
 * Sends a plain request to a proxy, which is to pass it on (RFC 9112, section 3.2.2). The proxy's login is added here, after
 * all that is logged or redirected was made.
 */
export function forwardThrough(proxy: ProxyServer, agent: HttpAgent): NonNullable<OptionsInit['request']> {
  return ({ protocol, host, pathname, search }, options, callback) => {
    const request = (proxy.isTls ? tlsRequest : plainRequest)(
      {
        ...options,
        agent,
        protocol: proxy.url.protocol,
        host: proxy.hostname,
        port: proxy.port,
        path: `${protocol}//${host}${pathname}${search}`,
        setHost: false,
        // Else node would take the name from the Host header, which is the server's.
        servername: isIP(proxy.hostname) === 0 ? proxy.hostname : '',
      },
      callback,
    );
    for (const [name, value] of Object.entries({ host, ...proxy.authorization() })) {
      request.setHeader(name, value);
    }
    return request;
  };
}
