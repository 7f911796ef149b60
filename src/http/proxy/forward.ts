import { request as plainRequest, type Agent as HttpAgent } from 'node:http';
import { request as tlsRequest } from 'node:https';

import type { OptionsInit } from 'got';

import { serverName } from '../tls/tls-config.js';
import type { ProxyServer } from './proxy-server.js';

/**
 * Returns got's request function for plain requests that a proxy forwards (RFC 9112, section 3.2.2). Adds the login for the
 * proxy last, so that it is never logged or redirected.
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
        // By default node would use the Host header, which is the server's.
        servername: serverName(proxy.hostname),
      },
      callback,
    );
    for (const [name, value] of Object.entries({ host, ...proxy.authorization() })) {
      request.setHeader(name, value);
    }
    return request;
  };
}
