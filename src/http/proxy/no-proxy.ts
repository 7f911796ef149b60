import { BlockList, isIP, isIPv6 } from 'node:net';

/** Reports whether a host with a port needs no proxy. Hosts are in lower case, IPv6 addresses without brackets. */
type Rule = (host: string, port: string) => boolean;

/**
 * The hosts of `NO_PROXY`, a list separated by commas or spaces: `example.com` is the host and its subdomains,
 * `.example.com` and `*.example.com` only the subdomains, an IP address itself, `10.0.0.0/8` the addresses of the range, and
 * `*` every host. A port limits an entry to it. Invalid entries are ignored, as in curl and Go.
 */
export class NoProxy {
  readonly #rules: readonly Rule[];

  /** @param text the value of the variable */
  constructor(text: string) {
    this.#rules = text
      .toLowerCase()
      .split(/[\s,]+/)
      .filter((entry) => entry !== '')
      .flatMap((entry) => ruleOf(entry) ?? []);
  }

  /** Reports whether an entry covers the host and port of a URL. */
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
  const matches = isIP(host) === 0 ? domainRule(host) : rangeRule(`${host}/${bitsOf(host)}`);
  return (name, namePort) => (port === undefined || port === namePort) && matches?.(name, namePort) === true;
}

/** Splits `host`, `host:port`, `[IPv6]:port`, or an IPv6 address with or without brackets. */
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

function rangeRule(entry: string): Rule | undefined {
  const [, address = '', prefix = ''] = /^(.*)\/(\d{1,3})$/.exec(entry) ?? [];
  if (isIP(address) === 0 || Number(prefix) > bitsOf(address)) return undefined;
  const list = new BlockList();
  list.addSubnet(address, Number(prefix), familyOf(address));
  return (host) => isIP(host) !== 0 && list.check(host, familyOf(host));
}

function bitsOf(address: string): number {
  return isIPv6(address) ? 128 : 32;
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv6(address) ? 'ipv6' : 'ipv4';
}
