import { BlockList, isIP, isIPv6 } from 'node:net';

/** Is this host, with this port, reached without a proxy? Hosts are in lower case, IPv6 addresses without brackets. */
type Rule = (host: string, port: string) => boolean;

/**
 * The hosts that `NO_PROXY` keeps from the proxy, a list with commas or blanks in between: `example.com` is that host and
 * all below it, `.example.com` and `*.example.com` only those below it, an IP address itself, `10.0.0.0/8` every address in
 * that range, and `*` every host. A port after the host limits an entry to it. What cannot be understood covers nothing, as
 * with curl and Go.
 */
export class NoProxy {
  readonly #rules: readonly Rule[];

  /** @param text what the variable holds */
  constructor(text: string) {
    this.#rules = text
      .toLowerCase()
      .split(/[\s,]+/)
      .filter((entry) => entry !== '')
      .flatMap((entry) => ruleOf(entry) ?? []);
  }

  /** Does one of the entries cover the URL's host and port? */
  covers(url: URL): boolean {
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
    const port = url.port === '' ? (url.protocol === 'http:' ? '80' : '443') : url.port;
    return this.#rules.some((rule) => rule(host, port));
  }
}

function ruleOf(entry: string): Rule | undefined {
  if (entry === '*') return () => true;
  if (entry.includes('/')) return rangeRule(entry);
  const { host, port } = split(entry);
  if (host === '') return undefined;
  const isHere = isIP(host) === 0 ? domainRule(host) : addressRule(host);
  return (asked, askedPort) => (port === undefined || port === askedPort) && isHere(asked, askedPort);
}

/** `host`, `host:port`, `[IPv6]:port`, or an IPv6 address with or without brackets. */
function split(entry: string): { readonly host: string; readonly port: string | undefined } {
  if (isIPv6(entry)) return { host: entry, port: undefined };
  const [, bracketed, plain = '', port] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d+))?$/.exec(entry) ?? [];
  return { host: bracketed ?? plain.replace(/\.$/, ''), port };
}

function domainRule(domain: string): Rule {
  const suffix = domain.replace(/^\*?\.?/, '.');
  const isBelowOnly = suffix.length <= domain.length;
  return (host) => isIP(host) === 0 && (host.endsWith(suffix) || (!isBelowOnly && host === domain));
}

function addressRule(address: string): Rule {
  const list = new BlockList();
  list.addAddress(address, familyOf(address));
  return (host) => isIP(host) !== 0 && list.check(host, familyOf(host));
}

function rangeRule(entry: string): Rule | undefined {
  const [, address = '', prefix = ''] = /^(.*)\/(\d{1,3})$/.exec(entry) ?? [];
  const version = isIP(address);
  if (version === 0 || Number(prefix) > (version === 6 ? 128 : 32)) return undefined;
  const list = new BlockList();
  list.addSubnet(address, Number(prefix), familyOf(address));
  return (host) => isIP(host) !== 0 && list.check(host, familyOf(host));
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv6(address) ? 'ipv6' : 'ipv4';
}
