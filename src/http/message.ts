import { Readable } from 'node:stream';

import type { Reach } from './host-reach.js';

/** The methods of the requests to registries and token servers. */
export type HttpMethod = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** A request body that can be sent more than once: a retry or a redirect opens it again. */
export interface RequestBody {
  /** In bytes. Becomes Content-Length. */
  readonly size: number;
  open(): Readable | Promise<Readable>;
  /** Called with the size of each chunk that the connection has accepted since the body was opened. */
  readonly onSent?: (bytes: number) => void;
  /** Creates the error for a body that is longer or shorter than `size`. @default a FailedError */
  readonly sizeError?: (what: 'more' | 'fewer') => Error;
}

/** Returns the body of these bytes. */
export function bodyOf(bytes: Uint8Array): RequestBody {
  return { size: bytes.length, open: () => Readable.from([bytes], { objectMode: false }) };
}

export interface HttpRequest {
  readonly method: HttpMethod;
  /** For a request to a registry, `https:`; see {@link HttpRequest.negotiateScheme}. */
  readonly url: URL;
  /** For the origin of `url`. A redirect to another origin drops all but Accept, Range, User-Agent and Content-Type. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: RequestBody;
  readonly signal?: AbortSignal | undefined;
  /**
   * Whether the client chooses the scheme, for a registry that may speak either (loopback, `--insecure`). It remembers the
   * scheme for the host, and {@link HttpResponse.url} has it. @default false
   */
  readonly negotiateScheme?: boolean;
  /**
   * Whether to retry after a network error, an incomplete body, 408, 429 or 5xx. 'stale': only if the server had closed the
   * idle connection. @default true, for every method: choose another if a repeat is wrong
   */
  readonly retry?: boolean | 'stale';
  /**
   * Whether the body of a successful metadata response is needed. It is then read as a part of each try, so that one that
   * breaks off is retried. A write that succeeded is not repeated because of its body. @default true for GET
   */
  readonly readsResponse?: boolean;
  /**
   * 'metadata': the time limit for the body is one for the whole. 'content': it is an idle limit, and the body is a stream.
   * @default 'metadata'
   */
  readonly timing?: 'metadata' | 'content';
  /**
   * Whether no login and no client certificate is added to the request, because another server than that of `url` chose
   * the URL. `headers` are sent as they are. @default false
   */
  readonly isAnonymous?: boolean;
  /**
   * The nearest addresses that a host name may resolve to, for a URL that a server named. Metadata services of clouds are
   * then rejected too. Not checked if a proxy connects. @default any address
   */
  readonly nearest?: Reach | undefined;
  /**
   * Throws to reject a redirect to this URL. Called before each hop, after the client's own checks.
   * @param leftOrigin whether a server of another origin than that of `url` chose it
   */
  readonly vetRedirect?: (to: URL, leftOrigin: boolean) => void;
}

export interface HttpResponse {
  readonly status: number;
  /** Names in lower case, the values of a repeated header joined with `, `. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Returns each value of a repeated header. */
  headerValues(name: string): readonly string[];
  /** The URL that responded, after scheme negotiation and redirects. */
  readonly url: URL;
  /** The IP address that was connected to. Undefined if unknown, as behind a proxy. */
  readonly remoteAddress?: string | undefined;
  /** The limit of the last request; see {@link HttpRequest.nearest}. */
  readonly nearest?: Reach | undefined;
  /** Whether a redirect led to another origin before this response. @default false */
  readonly leftOrigin?: boolean;
  /** For 401 and 403 of a registry: whether the request was sent without a login. @default false */
  readonly isAnonymous?: boolean;
  /** For 401 and 403: the scopes that the request needs and the token of its login does not grant, if the token says so. */
  readonly missingScope?: string;
  /** The request for output: method and redacted URL. */
  readonly request: { readonly method: HttpMethod; readonly url: string };
  /**
   * The body, which may have been read from the connection. Read it or call {@link discard}: an unread body keeps its
   * connection.
   */
  readonly body: Readable;
  /** Reads the whole body. @throws InvalidError if it is longer than `limit` bytes, UnavailableError if it is incomplete */
  bytes(limit: number): Promise<Uint8Array>;
  /** Whether the body of an error response broke off. @default false */
  readonly isCut?: boolean;
  /** Frees the connection. */
  discard(): void;
}

/** A server, as far as it is known before it responds. */
export type ConnectedServer = Pick<HttpResponse, 'url' | 'remoteAddress' | 'nearest'>;

/** Events for `--debug` and `--stats`. URLs and headers are redacted. */
export type HttpEvent =
  | {
      readonly kind: 'request';
      readonly method: HttpMethod;
      readonly url: string;
      /** The number of the try, from 1. The redirects of a try have its number. */
      readonly attempt: number;
      /** Scheme, host and port of the proxy. */
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
  /**
   * A response, or the rest of a metadata response, is awaited for this long. Emitted after 5 s, and again each time the wait
   * has doubled.
   */
  | {
      readonly kind: 'waiting';
      readonly method: HttpMethod;
      readonly url: string;
      readonly milliseconds: number;
    }
  /**
   * All requests to a server wait, because one got a 429 or 503 with Retry-After. Emitted once for each such time, when a
   * request waits that is not the one with the response.
   */
  | {
      readonly kind: 'paused';
      /** With its port if it has one. */
      readonly host: string;
      readonly status: number;
      readonly waitMilliseconds: number;
    }
  /** A server that responded with 429 gets fewer requests at once. Emitted when the first request waits because of that. */
  | { readonly kind: 'slowed'; readonly host: string; readonly concurrency: number }
  /** The end of one request, with the sizes of its body and of its response's. Emitted once, when both are complete or given up. */
  | {
      readonly kind: 'bytes';
      readonly method: HttpMethod;
      readonly url: string;
      readonly sent: number;
      readonly received: number;
    };

/** Sends HTTP requests. */
export interface HttpClient {
  /**
   * Sends one request, with its redirects and retries. Any final status is a response, not an error.
   * @throws UnavailableError (unreachable, TLS, time limit), CancelledError, InvalidError (rejected redirect),
   *   DestinationError (rejected address)
   */
  send(request: HttpRequest): Promise<HttpResponse>;
  /**
   * Opens connections ahead of requests, until this many are open to the origin of a URL. Nothing is sent, and a failure is
   * ignored: the request opens a connection of its own. Through a proxy, and to a registry whose scheme is not known yet,
   * none is opened.
   *
   * @param options as for the requests, which otherwise cannot use the connections
   * @returns the server that was connected to; `undefined` if none was
   */
  preconnect(
    url: URL,
    connections: number,
    options?: Pick<HttpRequest, 'nearest' | 'isAnonymous'>,
  ): Promise<ConnectedServer | undefined>;
  /** Closes all connections. Nothing can be sent afterwards. */
  close(): void;
}
