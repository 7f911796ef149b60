import type { NetworkFailure } from '../network-failure.js';
import type { ProxyServer } from './proxy-server.js';
import { isTemporaryStatus } from '../retry.js';

/**
 * What a proxy had against a request, in words that name the proxy and the variable that it is from.
 * @param offered authentication schemes that it takes, where it asks for a login
 */
export function proxyResponseFailure(
  proxy: ProxyServer,
  url: URL,
  status: number,
  offered: readonly string[],
): NetworkFailure {
  if (status === 407) return diagnoseLogin(proxy, offered);
  const server = `${url.hostname}:${url.port || '443'}`;
  const around = `or reach it without the proxy by NO_PROXY=${url.hostname}.`;
  if (status >= 500) {
    return {
      why: `${proxy.label} could not connect to ${server} (HTTP ${status})`,
      hint: `Check the spelling of the host name, and whether the proxy can reach it; ${around}`,
      temporary: isTemporaryStatus(status),
      otherScheme: true,
    };
  }
  return {
    why: `${proxy.label} refused to connect to ${server} (HTTP ${status})`,
    hint: `Ask those who run the proxy to allow it, ${around}`,
    temporary: isTemporaryStatus(status),
    otherScheme: true,
  };
}

/** A proxy that gave no answer. @param why what was found out about it, as of any other server */
export function unusableProxyFailure(proxy: ProxyServer, url: URL, why: NetworkFailure): NetworkFailure {
  const check = `Check ${proxy.variable}, or reach ${url.hostname} without the proxy by NO_PROXY=${url.hostname}.`;
  return {
    why: `${proxy.label} cannot be used: ${why.why}`,
    hint: why.hint === undefined ? check : `${why.hint} ${check}`,
    temporary: why.temporary ?? true,
  };
}

function diagnoseLogin(proxy: ProxyServer, offered: readonly string[]): NetworkFailure {
  const { label, variable, url, hasLogin } = proxy;
  if (offered.length > 0 && !offered.some((scheme) => scheme.toLowerCase() === 'basic')) {
    return {
      why: `${label} asks for a login by ${offered.join(' or ')} (HTTP 407)`,
      hint: 'Only Basic is supported: name a proxy that takes it, or a relay on this machine that logs in there.',
      temporary: false,
    };
  }
  if (hasLogin) {
    return {
      why: `${label} refused the login in ${variable} (HTTP 407)`,
      hint: `Check user name and password there; the characters / ? # @ : % have to be percent-encoded.`,
      temporary: false,
    };
  }
  return {
    why: `${label} asks for a login (HTTP 407)`,
    hint: `Set ${variable}=${url.protocol}//USER:PASSWORD@${url.host}, with the characters / ? # @ : % percent-encoded.`,
    temporary: false,
  };
}
