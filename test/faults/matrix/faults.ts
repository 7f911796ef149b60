import { gzipSync } from 'node:zlib';

import { failure, type Answer } from '../../support/fake-server.js';
import type { MemoryRegistry } from '../../support/memory-registry.js';
import type { Kind, OperationName } from './operations.js';

/** What a fault can do with a request. */
interface FaultContext {
  /** Handles the request as usual. */
  readonly next: () => Promise<Answer>;
  /** The name of the operation in the specification's terms. */
  readonly operation: OperationName;
  readonly kind: Kind;
  readonly registry: MemoryRegistry;
  /** The value of WWW-Authenticate with which the registry asks for a token. */
  readonly challenge: string;
  /** Another server, which gives `answer` to every request. */
  readonly elsewhere: { readonly url: string; answer: Answer };
}

/** What a command must come to. */
export type Outcome = Recovered | Failed;

interface Recovered {
  /** The number of requests to the registry in addition to those without the fault. */
  readonly extra: number;
  /** Whether fewer are enough. @default false */
  readonly isMost?: boolean;
  /** A part of a warning. @default no warning but those about waiting */
  readonly warns?: string;
  /** Upload sessions that cannot be cancelled. @default 0 */
  readonly sessions?: number;
}

interface Failed {
  readonly exit: 1 | 3 | 4 | 5 | 6 | 7;
  /** A part of the message. */
  readonly says: string;
  /** A part of the hint; `false` if nothing is known that would help. @default any hint */
  readonly hints?: string | false;
  /** Upload sessions that cannot be cancelled. @default 0 */
  readonly sessions?: number;
}

/** Outcomes by operation, by kind of operation, or of all others. */
export type Outcomes = { readonly [name in OperationName | Kind | 'all']?: Outcome | undefined };

/** A fault of a registry or network, and what it must come to. */
export interface Fault {
  /** How many requests of the operation have the fault. @default all */
  readonly times?: number;
  /** The least time that a run takes by the clock, in milliseconds. @default 0 */
  readonly lasts?: number;
  readonly respond: (context: FaultContext) => Answer | Promise<Answer>;
  /** An operation without an outcome cannot have the fault. */
  readonly expect: Outcomes;
}

function recovers(extra: number, also: Omit<Recovered, 'extra'> = {}): Recovered {
  return { extra, ...also };
}

function fails(exit: Failed['exit'], says: string, hints?: string | false): Failed {
  return { exit, says, ...(hints !== undefined && { hints }) };
}

/** As {@link recovers}: tokens are requested for the scopes that are needed then. */
function atMost(extra: number): Recovered {
  return { extra, isMost: true };
}

/** The requests of an upload that starts over: read the blob again, cancel the session, open another and send the blob. */
const RESTART = 4;

/**
 * The outcomes of a fault that passes: the request is sent again, an upload starts over.
 * @param unknown how often the registry may have done the write, which is looked up before it is sent again
 */
function retried(times: number, unknown = 0): Outcomes {
  return {
    all: recovers(times),
    uploadPatch: recovers(times * RESTART),
    uploadPut: recovers(times * RESTART + unknown),
    childPut: recovers(times + unknown),
    indexPut: recovers(times + unknown),
    tagPut: recovers(times + unknown),
  };
}

/** HEAD is repeated as GET, each time the tag is read: before and after content is copied. */
const TAG_READ_BY_GET = recovers(2);

const CODES: Readonly<Record<number, string>> = {
  401: 'UNAUTHORIZED',
  403: 'DENIED',
  404: 'NAME_UNKNOWN',
  405: 'UNSUPPORTED',
  429: 'TOOMANYREQUESTS',
};

/** An error response with the code of the specification, without one where the specification has none. */
function error(status: number, headers: Readonly<Record<string, string>> = {}): Answer {
  const code = CODES[status];
  if (code === undefined) return { status, headers };
  const body = failure(status, code, code.toLowerCase().replaceAll('_', ' '));
  return { ...body, headers: { ...body.headers, ...headers } };
}

/** Error responses with each of these statuses, over and over. */
function inTurn(...statuses: readonly number[]): Fault['respond'] {
  let count = 0;
  return () => error(statuses[count++ % statuses.length] ?? 500);
}

const HTML = '<!doctype html><html><head><title>Sign in</title></head><body>Sign in to go on.</body></html>';
/** The first bytes of a TLS server that is not sent TLS: an alert. */
const TLS_ALERT = Buffer.from([0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x46]);
const OTHER_DIGEST = `sha256:${'0'.repeat(64)}`;

function withHeaders(answer: Answer, headers: Readonly<Record<string, string>>, without = ''): Answer {
  const kept = Object.entries(answer.headers ?? {}).filter(([name]) => name !== without);
  return { ...answer, headers: { ...Object.fromEntries(kept), ...headers } };
}

/** The response with a body, which the successful response to a write need not have. */
async function withBody(next: () => Promise<Answer>): Promise<Answer & { readonly body: Buffer }> {
  const answer = await next();
  const body = Buffer.from(answer.body ?? '');
  return {
    ...answer,
    body: body.length > 0 ? body : Buffer.from(JSON.stringify({ stored: 'x'.repeat(100) })),
  };
}

const NO_LOGIN = fails(4, 'responded with 401 Unauthorized', 'Log in with "multiarch login');
const IMMUTABLE = fails(7, 'responded with 405 Method Not Allowed', 'The tag is immutable');
const UNAFFECTED = recovers(0);
const LOADED = 'Check the load and the log of';
const SLOW = 'Check the network between this machine and';
const CORRUPT = 'The content is corrupt';
const OTHER_SERVER = 'A proxy or a login page may have responded instead of the registry.';

/** The outcomes of a request that must be authorized once more. */
const AUTHORIZED_AGAIN: Outcomes = {
  all: atMost(4),
  // Every run begins with a 401: this is that response.
  manifestHead: UNAFFECTED,
};

/** A broken body of a response: a read is repeated; the body of a write that has succeeded is not needed. */
const BROKEN_BODY: Outcomes = { token: recovers(2), read: recovers(2), write: UNAFFECTED };

export const FAULTS = {
  '401 once': {
    times: 1,
    respond: ({ challenge }) => error(401, { 'www-authenticate': challenge }),
    expect: AUTHORIZED_AGAIN,
  },
  '401 always': {
    respond: ({ challenge }) => error(401, { 'www-authenticate': challenge }),
    expect: {
      all: fails(4, 'responded with 401 Unauthorized: UNAUTHORIZED', 'Log in with "multiarch login'),
      tokenGet: fails(4, 'was rejected (token server', 'Check the user name and password'),
      tokenPost: NO_LOGIN,
      head: atMost(4),
    },
  },
  'token expired': {
    times: 1,
    respond: ({ registry, next }) => {
      registry.expireTokens();
      return next();
    },
    expect: {
      // Every run begins without a token.
      manifestHead: UNAFFECTED,
      head: atMost(8),
      read: atMost(8),
      write: atMost(8),
    },
  },
  '403 with a challenge, once': {
    times: 1,
    respond: ({ challenge }) => error(403, { 'www-authenticate': challenge }),
    expect: { ...AUTHORIZED_AGAIN, token: UNAFFECTED },
  },
  '403 always': {
    respond: () => error(403),
    expect: {
      read: fails(4, 'responded with 403 Forbidden: DENIED', 'that the account may read from'),
      write: fails(4, 'responded with 403 Forbidden: DENIED', 'that the account may push to'),
      token: fails(4, 'was rejected (token server', 'may do what was asked for'),
      manifestHead: TAG_READ_BY_GET,
      blobHead: UNAFFECTED,
    },
  },
  '404 always': {
    respond: () => error(404),
    expect: {
      token: fails(1, 'no token for', 'Check the address of the token server'),
      // The request is repeated as GET, which gives an anonymous token.
      tokenPost: NO_LOGIN,
      head: UNAFFECTED,
      read: fails(3, 'responded with 404 Not Found', 'check the name'),
      write: fails(3, 'responded with 404 Not Found', 'Create the repository'),
      // The referrers tag is read instead.
      referrersGet: recovers(2),
      uploadPatch: recovers(1, { warns: 'does not accept blobs in chunks' }),
    },
  },
  '405 always': {
    respond: () => error(405),
    expect: {
      token: fails(1, 'no token for', 'Check the address of the token server'),
      tokenPost: NO_LOGIN,
      manifestHead: TAG_READ_BY_GET,
      blobHead: UNAFFECTED,
      read: fails(4, 'responded with 405 Method Not Allowed', 'Check the address'),
      write: fails(
        4,
        'responded with 405 Method Not Allowed',
        'may be read-only, or a cache of another registry',
      ),
      // The registry accepts the index under its digest, and not under the tag.
      indexPut: IMMUTABLE,
      tagPut: IMMUTABLE,
      referrersGet: recovers(1),
      uploadPatch: recovers(1, { warns: 'does not accept blobs in chunks' }),
    },
  },
  '413 always': {
    respond: () => error(413),
    expect: {
      token: fails(1, 'no token for', 'Check the address of the token server'),
      manifestHead: TAG_READ_BY_GET,
      blobHead: UNAFFECTED,
      read: fails(1, 'responded with 413 Payload Too Large', false),
      write: fails(1, 'responded with 413 Payload Too Large', 'raise the limit'),
      childPut: fails(
        5,
        'responded with 413 Payload Too Large',
        'Registries should accept manifests of 4 MiB',
      ),
      indexPut: fails(
        5,
        'responded with 413 Payload Too Large',
        'Registries should accept manifests of 4 MiB',
      ),
      tagPut: fails(5, 'responded with 413 Payload Too Large', 'Registries should accept manifests of 4 MiB'),
    },
  },
  '416 once': {
    times: 1,
    respond: () => error(416),
    expect: {
      uploadPost: recovers(1),
      uploadPatch: recovers(RESTART),
      // One more: another client may have stored the blob.
      uploadPut: recovers(RESTART + 1),
    },
  },
  '416 always': {
    respond: () => error(416),
    expect: {
      token: fails(1, 'no token for', 'Check the address of the token server'),
      manifestHead: TAG_READ_BY_GET,
      blobHead: UNAFFECTED,
      all: fails(1, 'responded with 416 Range Not Satisfiable', false),
      uploadPatch: fails(
        1,
        'responded with 416 Range Not Satisfiable',
        'the same storage and the same secret',
      ),
      uploadPut: fails(1, 'responded with 416 Range Not Satisfiable', 'the same storage and the same secret'),
    },
  },
  '429 twice, Retry-After in seconds': {
    times: 2,
    lasts: 22_000,
    respond: () => error(429, { 'retry-after': '11' }),
    expect: retried(2),
  },
  '429 twice, Retry-After as a date': {
    times: 2,
    lasts: 20_000,
    respond: () => error(429, { 'retry-after': new Date(Date.now() + 11_000).toUTCString() }),
    expect: retried(2),
  },
  '429 always': {
    respond: () => error(429, { 'retry-after': '11' }),
    expect: {
      all: fails(6, 'responded with 429 Too Many Requests', 'Try again in 11 s'),
      token: fails(6, 'too many requests for a token', 'Try again later'),
    },
  },
  '408, 500, 502 and 504, one after another': {
    times: 4,
    respond: inTurn(408, 500, 502, 504),
    expect: retried(4, 3),
  },
  '503 twice': { times: 2, respond: () => error(503), expect: retried(2) },
  '503 always': {
    respond: () => error(503),
    expect: {
      all: fails(6, 'responded with 503 Service Unavailable', 'try again later'),
      token: fails(6, 'no token for', 'try again later'),
    },
  },
  'connections refused for 2 s': {
    times: 1,
    lasts: 2_000,
    respond: ({ registry }) => {
      setTimeout(registry.refuse(), 2_000);
      return { fault: 'stall' };
    },
    expect: {
      all: recovers(1),
      // The session cannot be cancelled while the registry is down.
      uploadPatch: recovers(3, { sessions: 1 }),
      uploadPut: recovers(3, { sessions: 1 }),
    },
  },
  'reset before the headers, twice': { times: 2, respond: () => ({ fault: 'reset' }), expect: retried(2, 2) },
  'reset in the headers, twice': {
    times: 2,
    respond: () => ({ fault: 'cut-raw', body: 'HTTP/1.1 200 OK\r\ncontent-ty' }),
    expect: retried(2, 2),
  },
  'reset in the body, twice': {
    times: 2,
    respond: async ({ next }) => ({ ...(await withBody(next)), fault: 'cut-body', sent: 20 }),
    expect: BROKEN_BODY,
  },
  'short body, twice': {
    times: 2,
    respond: async ({ next }) => ({ ...(await withBody(next)), fault: 'short-body', sent: 20 }),
    expect: BROKEN_BODY,
  },
  'long body': {
    respond: async ({ next }) => {
      const answer = await withBody(next);
      return { ...answer, body: Buffer.concat([answer.body, Buffer.from(' and more')]) };
    },
    expect: {
      token: fails(1, 'contains no usable token', 'Check the address of the token server'),
      manifestGetTag: fails(5, 'has the digest', CORRUPT),
      manifestGetDigest: fails(5, 'has the digest', CORRUPT),
      configGet: fails(5, 'exceeds the 292 bytes of its descriptor', CORRUPT),
      layerGet: fails(5, 'exceeds the 2071 bytes of its descriptor', CORRUPT),
      referrersGet: fails(5, 'is not JSON', false),
      write: UNAFFECTED,
    },
  },
  'done, but the response is lost': {
    times: 1,
    respond: async ({ next }) => {
      await next();
      return { fault: 'reset' };
    },
    expect: {
      all: recovers(1),
      // The session is open, and its URL is lost.
      uploadPost: recovers(1, { sessions: 1 }),
      uploadPatch: recovers(RESTART),
    },
  },
  'response after 100 s': {
    times: 1,
    lasts: 100_000,
    respond: async ({ next }) => {
      await new Promise((resolve) => setTimeout(resolve, 100_000));
      return next();
    },
    // Tokens expire in this time.
    expect: { all: atMost(4) },
  },
  'no response': {
    respond: () => ({ fault: 'stall' }),
    expect: {
      all: fails(6, 'no response within 120 s', LOADED),
      // The server may be at work on them.
      uploadPatch: fails(6, 'no response within 600 s', LOADED),
      uploadPut: fails(6, 'no response within 600 s', LOADED),
      childPut: fails(6, 'no response within 600 s', LOADED),
      indexPut: fails(6, 'no response within 600 s', LOADED),
      tagPut: fails(6, 'no response within 600 s', LOADED),
    },
  },
  'body of one byte a second': {
    respond: async ({ next }) => ({ ...(await withBody(next)), pace: { bytes: 10, pause: 10_000 } }),
    expect: {
      token: fails(6, 'only 70 bytes in 60 s', SLOW),
      read: fails(6, 'only 70 bytes in 60 s', SLOW),
      write: UNAFFECTED,
    },
  },
  'wrong Docker-Content-Digest': {
    respond: async ({ next }) => withHeaders(await next(), { 'docker-content-digest': OTHER_DIGEST }),
    expect: {
      all: UNAFFECTED,
      manifestGetTag: fails(5, 'has the digest', CORRUPT),
      uploadPut: fails(5, 'was sent', 'The upload was altered in transit'),
      childPut: fails(5, 'was sent', 'The upload was altered in transit'),
      indexPut: fails(5, 'was sent', 'The upload was altered in transit'),
      tagPut: fails(5, 'was sent', 'The upload was altered in transit'),
    },
  },
  'no Docker-Content-Digest': {
    respond: async ({ next }) => withHeaders(await next(), {}, 'docker-content-digest'),
    expect: {
      all: UNAFFECTED,
      // It is computed from the manifest.
      manifestHead: TAG_READ_BY_GET,
      // What was written is read back.
      childPut: recovers(1),
      indexPut: recovers(1),
      tagPut: recovers(1),
    },
  },
  'wrong Content-Type': {
    respond: async ({ next }) => withHeaders(await next(), { 'content-type': 'text/plain' }),
    expect: {
      all: UNAFFECTED,
      manifestHead: TAG_READ_BY_GET,
      // The referrers tag is read instead.
      referrersGet: recovers(1),
    },
  },
  'HTML with 200': {
    respond: () => ({ status: 200, headers: { 'content-type': 'text/html' }, body: HTML }),
    expect: {
      token: fails(1, 'contains no usable token', OTHER_SERVER),
      manifestHead: TAG_READ_BY_GET,
      blobHead: UNAFFECTED,
      manifestGetTag: fails(5, 'is not JSON: it is HTML or XML', OTHER_SERVER),
      manifestGetDigest: fails(5, 'has the digest', OTHER_SERVER),
      configGet: fails(5, 'ends after 93 of 292 bytes', CORRUPT),
      layerGet: fails(5, 'ends after 93 of 2071 bytes', CORRUPT),
      referrersGet: recovers(1),
      uploadPost: fails(1, 'responded with 200 OK: Sign in to go on.', OTHER_SERVER),
      uploadPatch: recovers(5, { warns: 'does not accept blobs in chunks' }),
      uploadPut: fails(1, 'but does not return it', OTHER_SERVER),
      childPut: fails(1, 'but does not return it', OTHER_SERVER),
      indexPut: fails(1, 'but returns sha256:', OTHER_SERVER),
      tagPut: fails(1, 'but returns sha256:', OTHER_SERVER),
    },
  },
  'gzip that was not asked for': {
    respond: async ({ next }) => {
      const { body, ...answer } = await withBody(next);
      return { ...withHeaders(answer, { 'content-encoding': 'gzip' }), body: gzipSync(body) };
    },
    expect: {
      token: UNAFFECTED,
      read: UNAFFECTED,
      write: UNAFFECTED,
    },
  },
  '307 to another host': {
    respond: async ({ next, elsewhere }) => {
      elsewhere.answer = await next();
      return { status: 307, headers: { location: elsewhere.url } };
    },
    expect: {
      all: UNAFFECTED,
      tokenPost: fails(4, 'but the login is for', false),
      manifestHead: recovers(1),
      // The sessions would be on the other host.
      uploadPost: undefined,
      uploadPatch: undefined,
      uploadPut: recovers(1),
    },
  },
  '307 to another host, which responds with 404': {
    respond: ({ elsewhere }) => {
      elsewhere.answer = { status: 404, body: 'not here' };
      return { status: 307, headers: { location: elsewhere.url } };
    },
    expect: {
      tokenGet: fails(1, 'no token for', 'Check the address of the token server'),
      tokenPost: fails(4, 'but the login is for', false),
      head: UNAFFECTED,
      read: fails(3, 'responded with 404 Not Found', 'check the storage settings'),
      write: fails(3, 'responded with 404 Not Found', 'check the storage settings'),
      manifestGetTag: fails(3, 'no such manifest: ', 'check the storage settings'),
      manifestGetDigest: fails(3, 'no such manifest: ', 'check the storage settings'),
      referrersGet: recovers(1),
      uploadPatch: recovers(2, { warns: 'does not accept blobs in chunks' }),
    },
  },
  'TLS on a plain port, twice': {
    times: 2,
    respond: () => ({ fault: 'raw', body: TLS_ALERT }),
    expect: retried(2, 2),
  },
} as const satisfies Record<string, Fault>;

export type FaultName = keyof typeof FAULTS;
