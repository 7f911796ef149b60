import { createHash, randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

import { MemoryAuth, type MemoryAccount } from './memory-auth.js';
import { failure, json, read, FakeServer, type Answer, type FakeServerOptions } from './fake-server.js';
import type { TinyImage, TinyIndex } from './tiny-image.mjs';

export interface MemoryRegistryOptions extends FakeServerOptions {
  /** The account of the registry. @default anonymous access */
  readonly auth?: MemoryAccount;
  /** Whether the token server has a port of its own. @default false */
  readonly separateTokens?: boolean;
  /** `always201` reports every mount as done, `always202` never mounts, like ECR Public. @default mounts existing blobs */
  readonly mounts?: 'always201' | 'always202';
  /** Rejects every change of a tag, even to its current digest, with the error of ECR. @default false */
  readonly immutableTags?: boolean;
  /**
   * `tags`: deletes a tag, and not its manifest, and by its digest a manifest with its tags. `manifests`: only by a digest,
   * like distribution 2 with deletions enabled. @default 405, like distribution 2
   */
  readonly deletes?: 'tags' | 'manifests' | undefined;
  /** The most tags of a page. @default the number that is asked for, else all */
  readonly tagsPageSize?: number;
  /** Rejects an index or manifest with missing children. @default true */
  readonly requireChildren?: boolean;
  /** Redirects blob reads to a second server, which rejects an Authorization header with 400, like S3. @default false */
  readonly redirectBlobs?: boolean;
  /** Supports the referrers API, in pages of this size. @default no referrers API */
  readonly referrers?: { readonly pageSize?: number };
  /** Reads the tag `sha256-<hex>` as the digest `sha256:<hex>`, and rejects it in a write, like GitLab. @default false */
  readonly tagsAsDigests?: boolean;
  /** Whether to keep the bytes of uploaded blobs. False keeps digest and size, for very large blobs. @default true */
  readonly keepBlobs?: boolean;
  /** Reports the status of an upload, like distribution 3. Older versions lose an interrupted upload. @default false */
  readonly uploadStatus?: boolean;
}

interface StoredManifest {
  readonly mediaType: string;
  readonly bytes: Buffer;
}

interface Repo {
  readonly manifests: Map<string, StoredManifest>;
  readonly tags: Map<string, string>;
  /** Digest to bytes, or to a size if bytes are not kept. */
  readonly blobs: Map<string, Buffer | number>;
}

interface Session {
  readonly path: string;
  bytes: Buffer;
}

const ROUTE = /^\/v2\/(.+?)\/(manifests|blobs|blobs\/uploads|tags|referrers)(?:\/([^/]*))?$/;

/**
 * An OCI registry in memory, behind an HTTP server on a loopback port. Its log includes the requests to the token endpoint
 * and the storage server.
 */
export class MemoryRegistry extends FakeServer {
  readonly #options: MemoryRegistryOptions;
  readonly #repos = new Map<string, Repo>();
  readonly #sessions = new Map<string, Session>();
  readonly #repeated = new Map<string, { readonly piece: Buffer; readonly times: number }>();
  #auth: MemoryAuth | undefined;
  #port = 0;
  #storagePort = 0;
  #tokenPort = 0;

  private constructor(options: MemoryRegistryOptions) {
    super(options);
    this.#options = options;
  }

  static async start(options: MemoryRegistryOptions = {}): Promise<MemoryRegistry> {
    const registry = new MemoryRegistry(options);
    registry.#port = await registry.listen((request) => registry.#answer(request));
    if (options.auth !== undefined) {
      registry.#tokenPort =
        options.separateTokens === true
          ? await registry.listen((request) => registry.#answer(request))
          : registry.#port;
      registry.#auth = new MemoryAuth(options.auth, `http://127.0.0.1:${registry.#tokenPort}/token`);
    }
    if (options.redirectBlobs === true) {
      registry.#storagePort = await registry.listen((request) => registry.#storage(request));
    }
    return registry;
  }

  /** `127.0.0.1:<port>`. */
  get host(): string {
    return `127.0.0.1:${this.#port}`;
  }

  /** Host and port of the storage server, with `redirectBlobs`. */
  get storageHost(): string {
    return `127.0.0.1:${this.#storagePort}`;
  }

  /** The port of the token server, with `auth`. */
  get tokenPort(): number {
    return this.#tokenPort;
  }

  /** Seeds a blob. Returns its digest. */
  putBlob(path: string, bytes: Uint8Array): string {
    const digest = sha256(bytes);
    this.#repo(path).blobs.set(digest, Buffer.from(bytes));
    return digest;
  }

  /** Seeds a blob of a repeated chunk, which can be large in little memory. Returns its digest. */
  putRepeatedBlob(path: string, piece: Buffer, times: number): string {
    const hash = createHash('sha256');
    for (let time = 0; time < times; time += 1) hash.update(piece);
    const digest = `sha256:${hash.digest('hex')}`;
    this.#repo(path).blobs.set(digest, piece.length * times);
    this.#repeated.set(digest, { piece, times });
    return digest;
  }

  /** Seeds a manifest or index, optionally under a tag. Returns its digest. */
  putManifest(path: string, bytes: Uint8Array, mediaType: string, tag?: string): string {
    const digest = sha256(bytes);
    const repo = this.#repo(path);
    repo.manifests.set(digest, { mediaType, bytes: Buffer.from(bytes) });
    if (tag !== undefined) repo.tags.set(tag, digest);
    return digest;
  }

  /** Seeds an image, or an index with all its images, optionally under a tag. Returns its digest. */
  put(path: string, content: TinyImage | TinyIndex, tag?: string): string {
    if ('images' in content) {
      for (const image of content.images) this.put(path, image);
      return this.putManifest(path, content.bytes, content.mediaType, tag);
    }
    for (const blob of [content.config, ...content.layers]) this.putBlob(path, blob.bytes);
    return this.putManifest(path, content.manifest.bytes, content.manifest.mediaType, tag);
  }

  /** The current manifest of a tag or digest. */
  manifest(path: string, selector: string): { mediaType: string; bytes: Buffer; digest: string } | undefined {
    const repo = this.#repo(path);
    const digest = repo.tags.get(selector) ?? selector;
    const found = repo.manifests.get(digest);
    return found && { ...found, digest };
  }

  /** The tags of a repository, sorted. */
  tags(path: string): string[] {
    return [...this.#repo(path).tags.keys()].sort();
  }

  blob(path: string, digest: string): Buffer | undefined {
    const found = this.#repo(path).blobs.get(digest);
    return typeof found === 'number' ? undefined : found;
  }

  hasBlob(path: string, digest: string): boolean {
    return this.#repo(path).blobs.has(digest);
  }

  /** The number of upload sessions that were neither completed nor cancelled. */
  get openSessions(): number {
    return this.#sessions.size;
  }

  /** Drops all bytes of the open sessions beyond this number. */
  truncateSessions(size: number): void {
    for (const session of this.#sessions.values()) session.bytes = session.bytes.subarray(0, size);
  }

  /** Expires all tokens. */
  expireTokens(): void {
    this.#auth?.expireTokens();
  }

  #repo(path: string): Repo {
    let repo = this.#repos.get(path);
    if (repo === undefined) {
      repo = { manifests: new Map(), tags: new Map(), blobs: new Map() };
      this.#repos.set(path, repo);
    }
    return repo;
  }

  async #answer(request: IncomingMessage): Promise<Answer> {
    const url = new URL(request.url ?? '/', `http://${this.host}`);
    if (url.pathname === '/token')
      return this.#auth?.token(request, url) ?? failure(404, 'NOT_FOUND', 'no tokens');
    const route = ROUTE.exec(url.pathname);
    const rejected = this.#auth?.check(request, url, route?.[1]);
    if (rejected !== undefined) return rejected;
    if (url.pathname === '/v2/') return { status: 200, body: Buffer.from('{}') };
    const [, path = '', kind, name = ''] = route ?? [];
    if (kind === 'manifests') return this.#manifests(request, path, name);
    if (kind === 'referrers' && this.#options.referrers !== undefined)
      return this.#referrers(path, name, url);
    if (kind === 'tags' && name === 'list') return this.#tags(path, url);
    if (kind === 'blobs/uploads') return this.#uploads(request, path, name, url);
    if (kind === 'blobs') return this.#blobs(request, path, name);
    return failure(404, 'NOT_FOUND', '404 page not found');
  }

  async #manifests(request: IncomingMessage, path: string, name: string): Promise<Answer> {
    const repo = this.#repo(path);
    const isDigestTag = this.#options.tagsAsDigests === true && /^sha256-[0-9a-f]{64}$/.test(name);
    const selector = isDigestTag ? name.replace('-', ':') : name;
    if (request.method === 'PUT') {
      if (isDigestTag) return failure(400, 'TAG_INVALID', 'manifest tag did not match URI');
      return this.#putManifest(request, path, selector);
    }
    if (request.method === 'DELETE') {
      return this.#delete(repo, selector);
    }
    const found = this.manifest(path, selector);
    if (found === undefined) {
      const unknown = repo.manifests.size === 0 && repo.blobs.size === 0;
      return unknown
        ? failure(404, 'NAME_UNKNOWN', 'repository name not known to registry', { name: path })
        : failure(404, 'MANIFEST_UNKNOWN', 'manifest unknown');
    }
    const { mediaType, bytes, digest } = found;
    return {
      status: 200,
      headers: { 'content-type': mediaType, 'docker-content-digest': digest },
      body: bytes,
    };
  }

  #delete(repo: Repo, selector: string): Answer {
    const { deletes } = this.#options;
    if (deletes === undefined) return failure(405, 'UNSUPPORTED', 'The operation is unsupported.');
    if (selector.includes(':')) {
      for (const [tag, digest] of repo.tags) if (digest === selector) repo.tags.delete(tag);
      return repo.manifests.delete(selector) ? { status: 202 } : failure(404, 'MANIFEST_UNKNOWN', 'unknown');
    }
    if (deletes === 'manifests') return failure(400, 'DIGEST_INVALID', 'provided digest did not match');
    return repo.tags.delete(selector) ? { status: 202 } : failure(404, 'MANIFEST_UNKNOWN', 'unknown');
  }

  #tags(path: string, url: URL): Answer {
    const repo = this.#repo(path);
    if (repo.manifests.size === 0 && repo.blobs.size === 0) {
      return failure(404, 'NAME_UNKNOWN', 'repository name not known to registry', { name: path });
    }
    const all = [...repo.tags.keys()].toSorted();
    const start = all.indexOf(url.searchParams.get('last') ?? '') + 1;
    const size = Math.min(
      Number(url.searchParams.get('n') ?? all.length),
      this.#options.tagsPageSize ?? Infinity,
    );
    const tags = all.slice(start, start + size);
    const link = `</v2/${path}/tags/list?n=${size}&last=${tags.at(-1)}>; rel="next"`;
    const isLast = start + size >= all.length;
    const body = { name: path, tags: tags.length === 0 ? null : tags };
    return { ...json(200, body), ...(!isLast && { headers: { 'content-type': 'application/json', link } }) };
  }

  async #putManifest(request: IncomingMessage, path: string, selector: string): Promise<Answer> {
    const repo = this.#repo(path);
    const bytes = await read(request);
    const digest = sha256(bytes);
    if (bytes.length > 4 << 20) return failure(400, 'MANIFEST_INVALID', 'manifest too large');
    if (selector.includes(':') && selector !== digest)
      return failure(400, 'DIGEST_INVALID', 'digest mismatch');
    if (this.#options.immutableTags === true && repo.tags.has(selector)) {
      const message = `The image tag '${selector}' already exists in the '${path}' repository and cannot be overwritten because the tag is immutable.`;
      return failure(400, 'TAG_INVALID', message);
    }
    if (this.#options.requireChildren !== false) {
      const missing = children(bytes).filter(
        (child) => !repo.manifests.has(child.digest) && !repo.blobs.has(child.digest),
      );
      if (missing.length > 0) {
        const errors = missing.map((child) => ({
          code: 'MANIFEST_BLOB_UNKNOWN',
          message: 'blob unknown to registry',
          detail: { digest: child.digest },
        }));
        return json(400, { errors });
      }
    }
    const tag = selector.includes(':') ? undefined : selector;
    this.putManifest(path, bytes, request.headers['content-type'] ?? '', tag);
    const subject = this.#options.referrers === undefined ? undefined : subjectOf(bytes);
    return {
      status: 201,
      headers: {
        location: `/v2/${path}/manifests/${digest}`,
        'docker-content-digest': digest,
        ...(subject === undefined ? {} : { 'oci-subject': subject }),
      },
    };
  }

  #referrers(path: string, digest: string, url: URL): Answer {
    const all = [...this.#repo(path).manifests].flatMap(([name, { mediaType, bytes }]) =>
      subjectOf(bytes) === digest
        ? [{ mediaType, digest: name, size: bytes.length, ...referrerOf(bytes) }]
        : [],
    );
    const { pageSize = all.length } = this.#options.referrers ?? {};
    const start = Number(url.searchParams.get('from') ?? 0);
    const mediaType = 'application/vnd.oci.image.index.v1+json';
    const manifests = all.slice(start, start + pageSize);
    const next = `</v2/${path}/referrers/${digest}?from=${start + pageSize}>; rel="next"`;
    return {
      status: 200,
      headers: { 'content-type': mediaType, ...(start + pageSize < all.length ? { link: next } : {}) },
      body: Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests })),
    };
  }

  async #blobs(request: IncomingMessage, path: string, digest: string): Promise<Answer> {
    const found = this.#repo(path).blobs.get(digest);
    if (found === undefined)
      return failure(404, 'BLOB_UNKNOWN', 'blob unknown to registry', { Digest: digest });
    const headers = { 'content-type': 'application/octet-stream', 'docker-content-digest': digest };
    if (request.method === 'HEAD') {
      const size = typeof found === 'number' ? found : found.length;
      return { status: 200, headers: { ...headers, 'content-length': String(size) } };
    }
    if (this.#options.redirectBlobs === true) {
      const location = `http://${this.storageHost}/${path}/${digest}?X-Amz-Signature=secret`;
      return { status: 307, headers: { location } };
    }
    const repeated = this.#repeated.get(digest);
    if (repeated !== undefined) {
      return { status: 200, headers, body: repeated.piece, repeat: repeated.times };
    }
    return blobResponse(request, found, headers);
  }

  async #storage(request: IncomingMessage): Promise<Answer> {
    if (request.headers.authorization !== undefined) {
      return { status: 400, body: Buffer.from('Only one auth mechanism allowed') };
    }
    const [, path = '', digest = ''] = /^\/(.+)\/([^/?]+)\?/.exec(request.url ?? '') ?? [];
    return blobResponse(request, this.#repo(path).blobs.get(digest), {});
  }

  async #uploads(request: IncomingMessage, path: string, id: string, url: URL): Promise<Answer> {
    const digest = url.searchParams.get('digest') ?? url.searchParams.get('mount');
    if (request.method === 'POST') return this.#startUpload(path, digest, url.searchParams.get('from'));
    const session = this.#sessions.get(id);
    if (session?.path !== path) return failure(404, 'BLOB_UPLOAD_UNKNOWN', 'blob upload unknown to registry');
    if (request.method === 'DELETE') {
      this.#sessions.delete(id);
      return { status: 204 };
    }
    if (request.method === 'GET') {
      if (this.#options.uploadStatus !== true)
        return failure(404, 'BLOB_UPLOAD_INVALID', 'blob upload invalid');
      return { status: 204, headers: sessionHeaders(path, id, session) };
    }
    // A chunk must start at the end of the session, as in distribution 3.
    const { 'content-range': range } = request.headers;
    if (range !== undefined && !range.startsWith(`${session.bytes.length}-`)) {
      return { status: 416, headers: sessionHeaders(path, id, session) };
    }
    if (request.method === 'PATCH') {
      session.bytes = Buffer.concat([session.bytes, await read(request)]);
      return { status: 202, headers: sessionHeaders(path, id, session) };
    }
    const keep = this.#options.keepBlobs !== false;
    const hash = createHash('sha256').update(session.bytes);
    const kept: Buffer[] = [session.bytes];
    let size = session.bytes.length;
    try {
      for await (const chunk of request as AsyncIterable<Buffer>) {
        hash.update(chunk);
        size += chunk.length;
        if (keep) kept.push(chunk);
      }
    } finally {
      // An interrupted upload keeps the bytes that arrived.
      session.bytes = Buffer.concat(kept);
    }
    this.#sessions.delete(id);
    const got = `sha256:${hash.digest('hex')}`;
    if (got !== digest)
      return failure(400, 'DIGEST_INVALID', 'provided digest did not match uploaded content');
    this.#repo(path).blobs.set(got, keep ? session.bytes : size);
    return {
      status: 201,
      headers: { location: `/v2/${path}/blobs/${got}`, 'docker-content-digest': got },
    };
  }

  #startUpload(path: string, digest: string | null, from: string | null): Answer {
    const { mounts } = this.#options;
    if (digest !== null && from !== null && mounts !== 'always202') {
      const blob = this.#repo(from).blobs.get(digest);
      if (blob !== undefined) this.#repo(path).blobs.set(digest, blob);
      if (blob !== undefined || mounts === 'always201') {
        const headers = { location: `/v2/${path}/blobs/${digest}`, 'docker-content-digest': digest };
        return { status: 201, headers };
      }
    }
    const id = randomUUID();
    this.#sessions.set(id, { path, bytes: Buffer.alloc(0) });
    return { status: 202, headers: { location: sessionLocation(path, id), range: '0-0' } };
  }
}

function sessionLocation(path: string, id: string): string {
  return `/v2/${path}/blobs/uploads/${id}?_state=a%2Fb%3D%3D`;
}

function sessionHeaders(path: string, id: string, { bytes }: Session): Record<string, string> {
  return { location: sessionLocation(path, id), range: `0-${Math.max(0, bytes.length - 1)}` };
}

function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function subjectOf(bytes: Buffer): string | undefined {
  return (JSON.parse(bytes.toString()) as { subject?: { digest: string } }).subject?.digest;
}

/** The members of a referrer's descriptor in the list. */
function referrerOf(bytes: Buffer): object {
  type Referrer = { artifactType?: string; config?: { mediaType: string }; annotations?: object };
  const { artifactType, config, annotations } = JSON.parse(bytes.toString()) as Referrer;
  return { annotations, artifactType: artifactType ?? config?.mediaType };
}

function children(bytes: Buffer): readonly { readonly digest: string }[] {
  type Child = { digest: string; urls?: string[] };
  const value = JSON.parse(bytes.toString()) as { manifests?: Child[]; layers?: Child[]; config?: Child };
  const layers = (value.layers ?? []).filter((layer) => layer.urls === undefined);
  return [...(value.manifests ?? []), ...layers, ...(value.config === undefined ? [] : [value.config])];
}

/** The bytes of a blob, or the part of them in the Range header. */
function blobResponse(
  request: IncomingMessage,
  blob: Buffer | number | undefined,
  headers: Record<string, string>,
): Answer {
  if (!Buffer.isBuffer(blob)) return failure(404, 'BLOB_UNKNOWN', 'blob bytes are not kept');
  const start = /^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1];
  if (start === undefined) return { status: 200, headers, body: blob };
  const range = `bytes ${start}-${blob.length - 1}/${blob.length}`;
  return { status: 206, headers: { ...headers, 'content-range': range }, body: blob.subarray(Number(start)) };
}
