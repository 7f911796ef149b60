import { InvalidError } from '../oci/errors.js';
import { untilAborted } from '../content/cancellation.js';
import type { HttpResponse } from './message.js';
import { bothSchemesFailed, NetworkError } from './network-error.js';
import { isLoopbackHost } from './host-reach.js';
import { redirectLocation } from './redirect.js';

type Scheme = 'http' | 'https';

/** Returns the schemes that a host, with its port if it has one, may speak, the likelier one first. */
export type SchemesOf = (host: string) => readonly Scheme[];

/** `http`, then `https` for a loopback host; `https` for any other. */
export const defaultSchemes: SchemesOf = (host) => (isLoopbackHost(host) ? ['http', 'https'] : ['https']);

/** The outcome of another caller's negotiation: an error if the host responds in no scheme. */
type Outcome = NetworkError | undefined;

/** Finds out the scheme of a host with the first request to it, and remembers it. */
export class SchemeNegotiator {
  readonly #schemesOf: SchemesOf;
  readonly #settled = new Map<string, Scheme>();
  readonly #running = new Map<string, Promise<Outcome>>();

  constructor(schemesOf: SchemesOf) {
    this.#schemesOf = schemesOf;
  }

  /** Returns the URL in its host's scheme, or `undefined` if that is not known yet. */
  resolve(url: URL): URL | undefined {
    const schemes = this.#schemesOf(url.host);
    const scheme = schemes.length === 1 ? schemes[0] : this.#settled.get(url.host);
    return scheme === undefined ? undefined : withScheme(url, scheme);
  }

  /**
   * Returns the URL in the scheme that its first request tries, for a connection ahead of it: `undefined` if that may be the
   * wrong one. A connection of the wrong kind does no harm to a server on this machine.
   */
  expected(url: URL): URL | undefined {
    const resolved = this.resolve(url);
    if (resolved !== undefined || !isLoopbackHost(url.host)) return resolved;
    const [likelier] = this.#schemesOf(url.host);
    return likelier && withScheme(url, likelier);
  }

  /**
   * Sends one request in its host's scheme. Of several first requests to a host, one tries the schemes and the others wait.
   * @param url its own scheme is ignored
   * @param send sends one request, without redirects and retries
   * @throws NetworkError for both schemes if neither gets a response; what `send` throws
   */
  async send(
    url: URL,
    signal: AbortSignal,
    send: (url: URL) => Promise<HttpResponse>,
  ): Promise<HttpResponse> {
    for (;;) {
      const resolved = this.resolve(url);
      if (resolved !== undefined) return send(resolved);
      const running = this.#running.get(url.host);
      if (running === undefined) return this.#lead(url, send);
      const failure = await untilAborted(signal, running);
      if (failure !== undefined) throw failure;
    }
  }

  /** Negotiates while others wait. They fail with it if the host does not respond, but not if this request is cancelled. */
  async #lead(url: URL, send: (url: URL) => Promise<HttpResponse>): Promise<HttpResponse> {
    let tell = (_outcome: Outcome): void => {};
    this.#running.set(
      url.host,
      new Promise((resolve) => {
        tell = resolve;
      }),
    );
    let outcome: Outcome;
    try {
      return await this.#negotiate(url, send);
    } catch (error) {
      if (error instanceof NetworkError) outcome = error;
      throw error;
    } finally {
      this.#running.delete(url.host);
      tell(outcome);
    }
  }

  async #negotiate(url: URL, send: (url: URL) => Promise<HttpResponse>): Promise<HttpResponse> {
    const schemes = this.#schemesOf(url.host);
    const failures: NetworkError[] = [];
    let doubtful: HttpResponse | undefined;
    for (const [index, scheme] of schemes.entries()) {
      const response = await this.#try(withScheme(url, scheme), send, failures, doubtful);
      if (response === undefined) continue;
      if (index + 1 < schemes.length && scheme === 'http' && mayBeTlsServer(response)) {
        doubtful = response;
        continue;
      }
      doubtful?.discard();
      this.#settled.set(url.host, scheme);
      return response;
    }
    if (doubtful !== undefined) {
      this.#settled.set(url.host, 'http');
      return doubtful;
    }
    if (failures.length === 0) throw new InvalidError(`no scheme is allowed for ${url.host}`);
    throw bothSchemesFailed(url.host, failures);
  }

  async #try(
    url: URL,
    send: (url: URL) => Promise<HttpResponse>,
    failures: NetworkError[],
    doubtful: HttpResponse | undefined,
  ): Promise<HttpResponse | undefined> {
    try {
      return await send(url);
    } catch (error) {
      if (error instanceof NetworkError && error.otherScheme) {
        failures.push(error);
        return undefined;
      }
      doubtful?.discard();
      throw error;
    }
  }
}

/**
 * Reports whether a response over plain HTTP may come from a TLS server. Such a server may respond with 400 ("Client sent an
 * HTTP request to an HTTPS server"; a HEAD has no such text), or redirect to its own `https:` URL.
 */
function mayBeTlsServer(response: HttpResponse): boolean {
  // Without a port the two schemes are two servers, so a 400 comes from the plain one.
  if (response.status === 400) return response.url.port !== '';
  const location = redirectLocation(response) ?? '';
  if (!URL.canParse(location)) return false;
  const { protocol, host } = new URL(location);
  return protocol === 'https:' && host === response.url.host;
}

function withScheme(url: URL, scheme: Scheme): URL {
  const changed = new URL(url);
  changed.protocol = `${scheme}:`;
  return changed;
}
