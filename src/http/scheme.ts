import { InvalidError } from '../oci/errors.js';
import { untilAborted } from '../content/cancellation.js';
import type { HttpResponse } from './message.js';
import { bothSchemesFailed, NetworkError } from './network-error.js';
import { isLoopbackHost } from './private-address.js';
import { redirectLocation } from './redirect.js';

type Scheme = 'http' | 'https';

/** Which schemes a host may speak, the likelier one first. The host has its port where the URL has one. */
export type SchemesOf = (host: string) => readonly Scheme[];

/** A host of this machine is mostly a plain registry; everyone else speaks TLS. */
export const defaultSchemes: SchemesOf = (host) => (isLoopbackHost(host) ? ['http', 'https'] : ['https']);

/** What a negotiation of someone else came to: it is over, or the host answers in no scheme. */
type Outcome = NetworkError | undefined;

/** Finds out which scheme a host speaks with the first request to it, and remembers it. */
export class SchemeNegotiator {
  readonly #schemesOf: SchemesOf;
  readonly #settled = new Map<string, Scheme>();
  readonly #running = new Map<string, Promise<Outcome>>();

  constructor(schemesOf: SchemesOf) {
    this.#schemesOf = schemesOf;
  }

  /** The URL in its host's scheme, where that is known or has no alternative. */
  resolve(url: URL): URL | undefined {
    const schemes = this.#schemesOf(url.host);
    const scheme = schemes.length === 1 ? schemes[0] : this.#settled.get(url.host);
    return scheme === undefined ? undefined : withScheme(url, scheme);
  }

  /**
   * Sends one request in its host's scheme. Of several first requests to a host one tries the schemes, the others wait for it.
   * @param url its own scheme does not matter
   * @param send one request, without redirects and retries
   * @throws NetworkError that tells of both schemes where neither leads to an answer; what `send` throws
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

  /** Negotiates while others wait. They learn of a host that does not answer, but not of a cancelled request. */
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
      const answer = await this.#try(withScheme(url, scheme), send, failures, doubtful);
      if (answer === undefined) continue;
      if (index + 1 < schemes.length && scheme === 'http' && mayBeTlsServer(answer)) {
        doubtful = answer;
        continue;
      }
      doubtful?.discard();
      this.#settled.set(url.host, scheme);
      return answer;
    }
    if (doubtful !== undefined) {
      this.#settled.set(url.host, 'http');
      return doubtful;
    }
    if (failures.length === 0) throw new InvalidError(`No scheme is allowed for ${url.host}`);
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
 * Is this plain answer perhaps a TLS server's? Such a server may answer 400 ("Client sent an HTTP request to an HTTPS
 * server"; a HEAD has no text to tell by), or send the client to its own `https:` URL.
 */
function mayBeTlsServer(answer: HttpResponse): boolean {
  // Without a port the two schemes are two servers, and a 400 is the plain one's own.
  if (answer.status === 400) return answer.url.port !== '';
  const location = redirectLocation(answer) ?? '';
  if (!URL.canParse(location)) return false;
  const { protocol, host } = new URL(location);
  return protocol === 'https:' && host === answer.url.host;
}

function withScheme(url: URL, scheme: Scheme): URL {
  const changed = new URL(url);
  changed.protocol = `${scheme}:`;
  return changed;
}
