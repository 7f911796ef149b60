import { randomUUID } from 'node:crypto';

import type { EcrApi } from './ecr-api.js';
import { MemoryRegistry } from './memory-registry.js';
import { failure, json, type Answer, type LoggedRequest } from './fake-server.js';

export const PRIVATE_HOST = '123456789012.dkr.ecr.eu-west-1.amazonaws.com';
export const PUBLIC_HOST = 'public.ecr.aws';
/** The hosts of the layers of a region and of the public registry. */
const PRIVATE_LAYERS = 'prod-eu-west-1-starport-layer-bucket.s3.eu-west-1.amazonaws.com';
const PUBLIC_LAYERS = 'd5l0dvt14r5h8.cloudfront.net';

export interface EcrRegistryOptions {
  /** Issues the passwords that the registry accepts. */
  readonly api: EcrApi;
  /** @default private */
  readonly kind?: 'private' | 'public';
  /** The repositories. A push to another one fails. */
  readonly repositories: readonly string[];
  /** The account setting BLOB_MOUNTING of private registries. @default false */
  readonly mounting?: boolean;
  /** @default false */
  readonly immutableTags?: boolean;
}

type Route = { readonly path: string; readonly kind: string; readonly name: string };

/**
 * A registry that behaves like Amazon ECR in its documentation and in bug reports: authentication, errors and their
 * messages, and reads of layers from presigned URLs. It uses plain HTTP on a loopback port, behind a proxy that terminates
 * TLS.
 */
export class EcrRegistry {
  readonly #options: EcrRegistryOptions;
  /** Logs the requests to the registry, the token endpoint and the layer bucket. */
  readonly #memory: MemoryRegistry;
  /** Expired passwords and tokens. */
  readonly #expired = new Set<string>();
  /** Tokens of the public registry, with the user that they were issued to. */
  readonly #tokens = new Map<string, 'AWS' | 'anybody'>();
  /** Denied IAM actions, without the service. */
  readonly #denied = new Set<string>();
  /** Images that are missing for an index that lists them. */
  readonly #lost = new Set<string>();
  #throttled = 0;
  #onRequest: ((request: LoggedRequest) => void) | undefined;

  private constructor(options: EcrRegistryOptions, memory: MemoryRegistry) {
    this.#options = options;
    this.#memory = memory;
  }

  static async start(options: EcrRegistryOptions): Promise<EcrRegistry> {
    const { kind = 'private', mounting = false, immutableTags = false } = options;
    const holder: { registry?: EcrRegistry } = {};
    const memory = await MemoryRegistry.start({
      redirectBlobs: true,
      immutableTags,
      ...(kind === 'public' || !mounting ? { mounts: 'always202' } : {}),
      fault: (request, next) => holder.registry?.respond(request, next) ?? next(),
    });
    holder.registry = new EcrRegistry(options, memory);
    return holder.registry;
  }

  /** The public host name of the registry. */
  get host(): string {
    return this.#options.kind === 'public' ? PUBLIC_HOST : PRIVATE_HOST;
  }

  /** The public host name of the layers. */
  get layerHost(): string {
    return this.#options.kind === 'public' ? PUBLIC_LAYERS : PRIVATE_LAYERS;
  }

  /** The content of the repositories. */
  get content(): Pick<MemoryRegistry, 'put' | 'putManifest' | 'manifest' | 'blob' | 'hasBlob'> {
    return this.#memory;
  }

  get requests(): readonly LoggedRequest[] {
    return this.#memory.requests;
  }

  lines(): readonly string[] {
    return this.#memory.lines();
  }

  get port(): number {
    return portOf(this.#memory.host);
  }

  get layerPort(): number {
    return portOf(this.#memory.storageHost);
  }

  /** Expires the password and all tokens issued so far. */
  expire(): void {
    this.#expired.add(this.#options.api.password);
    for (const token of this.#tokens.keys()) this.#expired.add(token);
  }

  /** Denies an action to all users: `InitiateLayerUpload`. */
  deny(action: string): void {
    this.#denied.add(action);
  }

  /** Rejects an index that lists this image, as if the image were missing. */
  lose(digest: string): void {
    this.#lost.add(digest);
  }

  /** Responds to this many of the next requests with 429. */
  throttle(requests: number): void {
    this.#throttled = requests;
  }

  /** Calls a function with each request before the response. */
  onRequest(look: (request: LoggedRequest) => void): void {
    this.#onRequest = look;
  }

  close(): Promise<void> {
    return this.#memory.close();
  }

  async respond(request: LoggedRequest, next: () => Promise<Answer>): Promise<Answer> {
    this.#onRequest?.(request);
    const { pathname } = new URL(request.path, 'http://ecr');
    if (pathname.startsWith('/token')) return this.#token(request);
    if (!pathname.startsWith('/v2')) return bucketResponse(await next());
    const rejected = this.#checkLogin(request);
    if (rejected !== undefined) return rejected;
    if (this.#throttled > 0) {
      this.#throttled -= 1;
      return failure(429, 'TOOMANYREQUESTS', 'Rate exceeded');
    }
    const [, path, kind = '', name = ''] =
      /^\/v2\/(.+?)\/(manifests|blobs\/uploads|blobs|referrers)(?:\/([^/]*))?$/.exec(pathname) ?? [];
    if (path === undefined) return next();
    const route = { path, kind, name };
    return (
      this.#checkRequest(request, route) ??
      this.#asEcr(request, route, await this.#store(request, route, next))
    );
  }

  #token({ headers: { authorization } }: LoggedRequest): Answer {
    const who = authorization === undefined ? 'anybody' : 'AWS';
    if (authorization !== undefined) {
      const password = passwordIn(authorization);
      if (password !== this.#options.api.password) return DENIED;
      if (this.#expired.has(password)) return EXPIRED;
    }
    const token = randomUUID();
    this.#tokens.set(token, who);
    // The response of ECR has no lifetime either.
    return json(200, { token });
  }

  #checkLogin({ method, headers: { authorization } }: LoggedRequest): Answer | undefined {
    const isPublic = this.#options.kind === 'public';
    if (authorization === undefined) {
      const challenge = isPublic
        ? `Bearer realm="https://${PUBLIC_HOST}/token/",service="${PUBLIC_HOST}",scope="aws"`
        : `Basic realm="https://${PRIVATE_HOST}/",service="ecr.amazonaws.com"`;
      return {
        status: 401,
        headers: { 'www-authenticate': challenge },
        body: Buffer.from('Not Authorized\n'),
      };
    }
    if (!isPublic) {
      const password = passwordIn(authorization);
      if (password === undefined || !/^password-\d+$/.test(password)) return DENIED;
      return this.#expired.has(password) || password !== this.#options.api.password ? EXPIRED : undefined;
    }
    const token = authorization.replace(/^Bearer /, '');
    if (this.#expired.has(token)) return { ...EXPIRED, status: 400 };
    const who = this.#tokens.get(token);
    if (who === undefined) return DENIED;
    const reads = method === 'GET' || method === 'HEAD';
    return who === 'AWS' || reads ? undefined : failure(403, 'DENIED', 'Not Authorized');
  }

  #checkRequest(request: LoggedRequest, route: Route): Answer | undefined {
    const { path } = route;
    const action = actionOf(request, route);
    if (this.#denied.has(action)) {
      const service = this.#options.kind === 'public' ? 'ecr-public' : 'ecr';
      const message =
        `User: arn:aws:iam::210987654321:user/ann is not authorized to perform: ${service}:${action} on resource: ` +
        `arn:aws:${service}:eu-west-1:123456789012:repository/${path} because no identity-based policy allows it`;
      return failure(403, 'DENIED', message);
    }
    if (this.#options.repositories.includes(path)) return undefined;
    const message = `The repository with name '${path}' does not exist in the registry with id '123456789012'`;
    return failure(404, 'NAME_UNKNOWN', message);
  }

  /** Lets the plain registry handle a request, except an index that is to be rejected for a lost image. */
  async #store(request: LoggedRequest, { kind }: Route, next: () => Promise<Answer>): Promise<Answer> {
    const isLost =
      request.method === 'PUT' && kind === 'manifests' && isIndex(request) && this.#lost.size > 0;
    return isLost ? failure(404, 'MANIFEST_BLOB_UNKNOWN', [...this.#lost].join()) : next();
  }

  /** Changes a response of the plain registry to that of ECR. */
  #asEcr(request: LoggedRequest, { path, kind }: Route, answer: Answer): Answer {
    const { method } = request;
    const { location } = answer.headers ?? {};
    if (answer.status === 307 && location !== undefined) {
      const { pathname, search } = new URL(location);
      return { ...answer, headers: { location: `https://${this.layerHost}${pathname}${search}` } };
    }
    if (kind === 'blobs/uploads' && location !== undefined) {
      // ECR accepts a chunk with this status instead of 202.
      const status = method === 'PATCH' ? 201 : (answer.status ?? 200);
      return {
        ...answer,
        status,
        headers: { ...answer.headers, location: `https://${this.host}${String(location)}` },
      };
    }
    if (method !== 'PUT' || kind !== 'manifests') return answer;
    const text = Buffer.from(answer.body ?? '').toString();
    const named = text.includes('MANIFEST_BLOB_UNKNOWN') ? (text.match(/sha256:[0-9a-f]{64}/g) ?? []) : [];
    const missing = new Set(named);
    if (missing.size === 0) return answer;
    const digests = [...missing].join(', ');
    const where = `into repository with name '${path}' in the registry with id '123456789012' do not exist`;
    return isIndex(request)
      ? failure(
          400,
          'MANIFEST_BLOB_UNKNOWN',
          `Images with digests '[${digests}]' required for pushing image ${where}`,
        )
      : failure(
          404,
          'BLOB_UPLOAD_UNKNOWN',
          `Layers with digests '[${digests}]' required for pushing image ${where}`,
        );
  }
}

function isIndex({ headers }: LoggedRequest): boolean {
  return /index|list/.test(headers['content-type'] ?? '');
}

const EXPIRED = failure(403, 'DENIED', 'Your authorization token has expired. Reauthenticate and try again.');
const DENIED = failure(400, 'DENIED', 'Your Authorization Token is invalid.');

/** The IAM action that a request needs. */
function actionOf({ method }: LoggedRequest, { kind, name }: Route): string {
  if (kind === 'manifests') return method === 'PUT' ? 'PutImage' : 'BatchGetImage';
  if (kind === 'blobs/uploads') {
    if (name === '') return 'InitiateLayerUpload';
    return method === 'PATCH' ? 'UploadLayerPart' : 'CompleteLayerUpload';
  }
  return method === 'HEAD' ? 'BatchCheckLayerAvailability' : 'GetDownloadUrlForLayer';
}

function passwordIn(authorization: string): string | undefined {
  const [, encoded] = /^Basic (.+)$/.exec(authorization) ?? [];
  const login = Buffer.from(encoded ?? '', 'base64').toString('utf8');
  return login.startsWith('AWS:') ? login.slice(4) : undefined;
}

/** Errors of S3 are XML. */
function bucketResponse(answer: Answer): Answer {
  if (answer.status !== 400) return answer;
  const message =
    'Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the ' +
    'Authorization header should be specified';
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>InvalidArgument</Code><Message>${message}</Message></Error>`;
  return { status: 400, headers: { 'content-type': 'application/xml' }, body: Buffer.from(body) };
}

function portOf(host: string): number {
  return Number(host.slice(host.lastIndexOf(':') + 1));
}
