import type { Readable } from 'node:stream';

export type HttpMethod = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** A body that can be sent more than once: a retry or a redirect opens it again. */
export interface RequestBody {
  /** In bytes; becomes Content-Length. */
  readonly size: number;
  open(): Readable | Promise<Readable>;
  /** Told of each piece that the connection has taken since the body was opened. */
  readonly onSent?: (bytes: number) => void;
  /** Makes the error for a body that is longer or shorter than it says. @default a FailedError that tells of it */
  readonly sizeError?: (what: 'more' | 'fewer') => Error;
}

export interface HttpRequest {
  readonly method: HttpMethod;
  /** For a request to a registry, `https:`; see {@link HttpRequest.negotiateScheme}. */
  readonly url: URL;
  /** Sent to the origin of `url` only: all of them but Accept, Range, User-Agent and Content-Type are dropped when a redirect leaves it. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: RequestBody;
  readonly signal?: AbortSignal | undefined;
  /**
   * The URL names a registry whose scheme may have to be found out (loopback, `--insecure`): the client picks it,
   * remembers it for the host, and says in {@link HttpResponse.url} which it was. @default false
   */
  readonly negotiateScheme?: boolean;
  /** Send again after a network error, 408, 429 or 5xx. @default true, for POST and PATCH and streamed PUT bodies too: set false where a repeat is wrong */
  readonly retry?: boolean;
  /** @default 'metadata': response headers within about 60 s. 'content': no total limit, only an idle one. */
  readonly timing?: 'metadata' | 'content';
  /** Throws to refuse a redirect to this URL; called before each hop, in addition to the client's own rules. */
  readonly vetRedirect?: (to: URL) => void;
}

export interface HttpResponse {
  readonly status: number;
  /** Names in lower case; a repeated header joined with `, `. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Every value of a repeated header apart. */
  headerValues(name: string): readonly string[];
  /** Where the answer came from, after scheme negotiation and redirects. */
  readonly url: URL;
  /** The request as it may be printed: method and redacted URL. */
  readonly request: { readonly method: HttpMethod; readonly url: string };
  /** The body. Read it, or call {@link discard}: an unread body holds its connection. */
  readonly body: Readable;
  /** Reads the whole body. @throws InvalidError when it is longer than `limit` bytes. UnavailableError when it breaks off. */
  bytes(limit: number): Promise<Uint8Array>;
  /** Frees the connection. */
  discard(): void;
}

/** What happened on the wire, for `--debug` and `--stats`. URLs and headers are redacted. */
export type HttpEvent =
  | {
      readonly kind: 'request';
      readonly method: HttpMethod;
      readonly url: string;
      /** Counted from 1; each redirect of a try has the number of the try. */
      readonly attempt: number;
      /** Scheme, host and port of the proxy that it goes through. */
      readonly proxy?: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  | {
      readonly kind: 'response';
      readonly method: HttpMethod;
      readonly url: string;
      readonly status: number;
      readonly milliseconds: number;
      readonly headers?: Readonly<Record<string, string>>;
    }
  | {
      readonly kind: 'retry';
      readonly method: HttpMethod;
      readonly url: string;
      readonly reason: string;
      readonly waitMilliseconds: number;
    }
  /** The bytes of the bodies of one request and its answer, told once, when both are done with. */
  | { readonly kind: 'bytes'; readonly sent: number; readonly received: number };

/** Sends requests. Implemented by `GotClient`; a program or a test may bring its own. */
export interface HttpClient {
  /**
   * One request with its redirects and retries. Any final status is a response, not an error.
   * @throws UnavailableError (unreachable, TLS, time limit), CancelledError, InvalidError (a redirect that is refused)
   */
  send(request: HttpRequest): Promise<HttpResponse>;
  /** Opens connections that will be needed soon, so that requests sent together do not each wait for their own. */
  preconnect(url: URL, connections: number): void;
  /** Closes all connections. Nothing can be sent afterwards. */
  close(): void;
}
