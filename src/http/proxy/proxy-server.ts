import { ArgumentError } from '../../oci/errors.js';

const URL_FORM = 'Write it as http://[USER:PASSWORD@]HOST[:PORT].';
const URL_ENCODING = `${URL_FORM} In a user name or password, the characters / ? # @ : % must be percent-encoded.`;

/** A proxy from an environment variable. Its login is in a private field, so that nothing prints it. */
export class ProxyServer {
  /** The name of the variable, in the case in which it is set. */
  readonly variable: string;
  /** Whether the proxy is contacted over TLS. */
  readonly isTls: boolean;
  /** Without the brackets of an IPv6 address. */
  readonly hostname: string;
  readonly port: number;
  /** Scheme, host and port. */
  readonly url: URL;
  readonly #authorization: string | undefined;

  /**
   * @param text a URL, or `HOST:PORT`; user name and password percent-encoded
   * @throws ArgumentError, without the text, if it is not the URL of an HTTP proxy
   */
  constructor(variable: string, text: string) {
    const invalid = (why: string, hint = URL_FORM): ArgumentError =>
      new ArgumentError(`${variable} cannot be used: ${why}`, { hint });
    const full = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
    if (/^socks/i.test(full)) {
      throw invalid(
        'SOCKS proxies are not supported',
        'Use an HTTP proxy, unset the variable, or list the hosts without a proxy in NO_PROXY.',
      );
    }
    const url = URL.canParse(full) ? new URL(full) : undefined;
    if (url === undefined) throw invalid('it is not a URL', full.includes('@') ? URL_ENCODING : URL_FORM);
    if (url.protocol !== 'http:' && url.protocol !== 'https:') {
      throw invalid('it is not the URL of an HTTP proxy');
    }
    // A slash in a password ends the host, and the rest must not be ignored.
    if (url.pathname !== '/' || url.search !== '' || url.hash !== '') {
      throw invalid('it has more than host and port', URL_ENCODING);
    }
    this.variable = variable;
    this.isTls = url.protocol === 'https:';
    this.hostname = url.hostname.replace(/^\[(.*)\]$/, '$1');
    this.port = url.port === '' ? (this.isTls ? 443 : 80) : Number(url.port);
    this.url = new URL(`${url.protocol}//${url.host}`);
    if (url.username === '' && url.password === '') return;
    const login = percentDecoded(`${url.username}:${url.password}`);
    if (login === undefined) throw invalid('its user name or password has a % that must be %25');
    this.#authorization = `Basic ${Buffer.from(login, 'utf8').toString('base64')}`;
  }

  get hasLogin(): boolean {
    return this.#authorization !== undefined;
  }

  /** The proxy in messages: `the proxy http://proxy.example:3128 (HTTPS_PROXY)`. */
  get label(): string {
    return `the proxy ${this.url.origin} (${this.variable})`;
  }

  /** Returns the header of requests to the proxy itself. A server must never receive it. */
  authorization(): Readonly<Record<string, string>> {
    return this.#authorization === undefined ? {} : { 'proxy-authorization': this.#authorization };
  }
}

function percentDecoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
