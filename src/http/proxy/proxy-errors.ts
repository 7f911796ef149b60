import type { NetworkFailure } from '../network-error.js';
import type { ProxyServer } from './proxy-server.js';
import { isTemporaryStatus } from '../retry.js';

/**
 * Returns the failure for the error response of a proxy. Names the proxy and its variable.
 * @param challenges the values of Proxy-Authenticate
 */
export function proxyResponseFailure(
  proxy: ProxyServer,
  url: URL,
  status: number,
  challenges: readonly string[],
): NetworkFailure {
  if (status === 407) return { ...loginFailure(proxy, offeredSchemes(challenges)), temporary: false };
  const server = `${url.hostname}:${url.port || '443'}`;
  const bypass = `or bypass it with NO_PROXY=${url.hostname}.`;
  const [verb, advice] =
    status >= 500
      ? ['could not connect to', 'Check the spelling of the host name, and that the proxy can reach it']
      : ['denied a connection to', 'Ask the administrator of the proxy to allow it'];
  return {
    why: `${proxy.label} ${verb} ${server} (HTTP ${status})`,
    hint: `${advice}, ${bypass}`,
    temporary: isTemporaryStatus(status),
    otherScheme: true,
  };
}

/** Returns the failure for a proxy that cannot be used. @param cause the failure of the connection to it */
export function unusableProxyFailure(proxy: ProxyServer, url: URL, cause: NetworkFailure): NetworkFailure {
  const check = `Check ${proxy.variable}, or bypass the proxy with NO_PROXY=${url.hostname}.`;
  return {
    why: `${proxy.label} cannot be used: ${cause.why}`,
    hint: cause.hint === undefined ? check : `${cause.hint} ${check}`,
    temporary: cause.temporary ?? true,
  };
}

function loginFailure(proxy: ProxyServer, offered: readonly string[]): NetworkFailure {
  const { label, variable, url, hasLogin } = proxy;
  if (offered.length > 0 && !offered.some((scheme) => scheme.toLowerCase() === 'basic')) {
    return {
      why: `${label} requires authentication by ${offered.join(' or ')} (HTTP 407)`,
      hint: 'Only Basic is supported. Use a proxy that accepts it, or a local relay that authenticates to this one.',
    };
  }
  if (hasLogin) {
    return {
      why: `${label} rejected the login in ${variable} (HTTP 407)`,
      hint: 'Check its user name and password. The characters / ? # @ : % must be percent-encoded.',
    };
  }
  return {
    why: `${label} requires authentication (HTTP 407)`,
    hint: `Set ${variable}=${url.protocol}//USER:PASSWORD@${url.host}, with the characters / ? # @ : % percent-encoded.`,
  };
}

/** The authentication schemes that a proxy offers, as it spells them. */
function offeredSchemes(challenges: readonly string[]): readonly string[] {
  return challenges.flatMap((value) => /^\s*([A-Za-z][A-Za-z0-9-]*)/.exec(value)?.[1] ?? []);
}
