import { failure, type Answer, type LoggedRequest } from '../../support/fake-server.js';
import type { MemoryRegistry } from '../../support/memory-registry.js';

/** A fault for the comparison with other clients. */
export interface PeerCell {
  readonly title: string;
  /** Which commands are compared. @default 'join' */
  readonly job?: 'join' | 'two tags' | 'copy';
  /** How many requests have the fault. @default all */
  readonly times?: number;
  readonly matches: (request: LoggedRequest) => boolean;
  readonly respond: (next: () => Promise<Answer>, registry: MemoryRegistry) => Answer | Promise<Answer>;
}

const put =
  (tag: string): PeerCell['matches'] =>
  ({ method, path }) =>
    method === 'PUT' && path === `/v2/app/manifests/${tag}`;
const indexPut = put('1.0');
/** The first read of a source, which clients make by tag or by digest. */
const sourceGet: PeerCell['matches'] = ({ method, path }) =>
  method === 'GET' && /^\/v2\/app\/manifests\/(?:amd64|sha256:)/.test(path);
const HTML = '<!doctype html><html><head><title>Sign in</title></head></html>';

export const PEER_CELLS: readonly PeerCell[] = [
  { title: 'no fault', matches: () => false, respond: (next) => next() },
  { title: '503 to the index PUT, twice', times: 2, matches: indexPut, respond: () => ({ status: 503 }) },
  {
    title: '429 to a manifest GET, twice, Retry-After: 2',
    times: 2,
    matches: sourceGet,
    respond: () => ({ ...failure(429, 'TOOMANYREQUESTS', 'slow down'), headers: { 'retry-after': '2' } }),
  },
  {
    title: 'reset instead of the response to the index PUT',
    times: 1,
    matches: indexPut,
    respond: () => ({ fault: 'reset' }),
  },
  {
    title: 'short body of a manifest, once',
    times: 1,
    matches: sourceGet,
    respond: async (next) => ({ ...(await next()), fault: 'short-body', sent: 20 }),
  },
  {
    title: 'wrong Docker-Content-Digest for the index PUT',
    matches: indexPut,
    respond: async (next) => {
      const answer = await next();
      return {
        ...answer,
        headers: { ...answer.headers, 'docker-content-digest': `sha256:${'0'.repeat(64)}` },
      };
    },
  },
  {
    title: 'index PUT done, response lost',
    times: 1,
    matches: indexPut,
    respond: async (next) => {
      await next();
      return { fault: 'reset' };
    },
  },
  {
    title: 'connections refused for 2 s, from the index PUT on',
    times: 1,
    matches: indexPut,
    respond: (_next, registry) => {
      setTimeout(registry.refuse(), 2_000);
      return { fault: 'stall' };
    },
  },
  {
    title: 'HTML with 200 for a manifest',
    matches: sourceGet,
    respond: () => ({ status: 200, headers: { 'content-type': 'text/html' }, body: HTML }),
  },
  {
    title: 'HTML with 200 for the index PUT',
    matches: indexPut,
    respond: () => ({ status: 200, headers: { 'content-type': 'text/html' }, body: HTML }),
  },
  {
    title: 'tokens expired at the index PUT',
    times: 1,
    matches: indexPut,
    respond: (next, registry) => {
      registry.expireTokens();
      return next();
    },
  },
  {
    title: '403 to the second tag',
    job: 'two tags',
    matches: put('latest'),
    respond: () => failure(403, 'DENIED', 'denied'),
  },
  {
    title: 'upload session lost, once',
    job: 'copy',
    times: 1,
    matches: ({ method, path }) =>
      (method === 'PUT' || method === 'PATCH') && path.includes('/blobs/uploads/'),
    respond: () => failure(404, 'BLOB_UPLOAD_UNKNOWN', 'blob upload unknown to registry'),
  },
];
