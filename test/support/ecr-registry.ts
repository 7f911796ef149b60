import { randomUUID } from 'node:crypto';

import type { EcrApi } from './ecr-api.js';
import { MemoryRegistry } from './memory-registry.js';
import { failure, json, type Answer, type LoggedRequest } from './recording-server.js';

export const PRIVATE_HOST = '123456789012.dkr.ecr.eu-west-1.amazonaws.com';
export const PUBLIC_HOST = 'public.ecr.aws';
/** Where ECR keeps the layers of a region, and those of the public registry. */
const PRIVATE_LAYERS = 'prod-eu-west-1-starport-layer-bucket.s3.eu-west-1.amazonaws.com';
const PUBLIC_LAYERS = 'd5l0dvt14r5h8.cloudfront.net';

export interface EcrRegistryOptions {
  /** Gives out the passwords that are let in. */
  readonly api: EcrApi;
  /** @default private */
  readonly kind?: 'private' | 'public';
  /** Nobody makes a repository by pushing to it. */
  readonly repositories: readonly string[];
  /** The account setting BLOB_MOUNTING, which the public registry does not have. @default false */
  readonly mounting?: boolean;
  /** @default false */
  readonly immutableTags?: boolean;
}

type Route = { readonly path: string; readonly kind: string; readonly name: string };

/**
 * Amazon ECR's registry as its documentation and its users describe it: who it lets in, what it refuses and in which words,
 * and layers that are read from presigned addresses. Speaks plain HTTP on a loopback port, as if TLS ended before it.
 */
export class EcrRegistry {
  readonly #options: EcrRegistryOptions;
  /** The requests to all of it: registry, token endpoint and layer bucket. */
  readonly #memory: MemoryRegistry;
  /** Passwords and tokens that have run out. */
  readonly #expired = new Set<string>();
  /** Tokens of the public registry, by whom they were given to. */
  readonly #tokens = new Map<string, 'AWS' | 'anybody'>();
  /** IAM actions, without the service, that are not allowed. */
  readonly #denied = new Set<string>();
  /** Images that it takes for missing when an index names them. */
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
      fault: (request, next) => holder.registry?.answer(request, next) ?? next(),
    });
    holder.registry = new EcrRegistry(options, memory);
    return holder.registry;
  }

  /** The name that the world knows it by. */
  get host(): string {
    return this.#options.kind === 'public' ? PUBLIC_HOST : PRIVATE_HOST;
  }

  /** The name that the world knows its layers by. */
  get layerHost(): string {
    return this.#options.kind === 'public' ? PUBLIC_LAYERS : PRIVATE_LAYERS;
  }

  /** Looks into its repositories and fills them. */
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

  /** What was given out so far has run out: the password, and the tokens for it. */
  expire(): void {
    this.#expired.add(this.#options.api.password);
    for (const token of this.#tokens.keys()) this.#expired.add(token);
  }

  /** Whoever is logged in lacks the permission for this action: `InitiateLayerUpload`. */
  deny(action: string): void {
    this.#denied.add(action);
  }

  /** When an index names this image, it is missing, whoever saw it before. */
  lose(digest: string): void {
    this.#lost.add(digest);
  }

  /** So many requests from now are too many. */
  throttle(requests: number): void {
    this.#throttled = requests;
  }

  /** Sees each request before it is answered. */
  onRequest(look: (request: LoggedRequest) => void): void {
    this.#onRequest = look;
  }

  close(): Promise<void> {
    return this.#memory.close();
  }

  async answer(request: LoggedRequest, next: () => Promise<Answer>): Promise<Answer> {
    this.#onRequest?.(request);
    const { pathname } = new URL(request.path, 'http://ecr');
    if (pathname.startsWith('/token')) return this.#token(request);
    if (!pathname.startsWith('/v2')) return bucketAnswer(await next());
    const refused = this.#refuseLogin(request);
    if (refused !== undefined) return refused;
    if (this.#throttled > 0) {
      this.#throttled -= 1;
      return failure(429, 'TOOMANYREQUESTS', 'Rate exceeded');
    }
    const [, path, kind = '', name = ''] =
      /^\/v2\/(.+?)\/(manifests|blobs\/uploads|blobs|referrers)(?:\/([^/]*))?$/.exec(pathname) ?? [];
    if (path === undefined) return next();
    const route = { path, kind, name };
    return this.#refuseRequest(request, route) ?? this.#inItsWords(request, route, await next());
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
    // It does not say how long that is good for.
    return json(200, { token });
  }

  #refuseLogin({ method, headers: { authorization } }: LoggedRequest): Answer | undefined {
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

  #refuseRequest(request: LoggedRequest, route: Route): Answer | undefined {
    const { path } = route;
    const action = actionOf(request, route);
    if (this.#denied.has(action)) {
      const service = this.#options.kind === 'public' ? 'ecr-public' : 'ecr';
      const words =
        `User: arn:aws:iam::210987654321:user/ann is not authorized to perform: ${service}:${action} on resource: ` +
        `arn:aws:${service}:eu-west-1:123456789012:repository/${path} because no identity-based policy allows it`;
      return failure(403, 'DENIED', words);
    }
    if (this.#options.repositories.includes(path)) return undefined;
    const words = `The repository with name '${path}' does not exist in the registry with id '123456789012'`;
    return failure(404, 'NAME_UNKNOWN', words);
  }

  /** What a plain registry answers, as ECR would say it. */
  #inItsWords(request: LoggedRequest, { path, kind }: Route, answer: Answer): Answer {
    const { method } = request;
    const { location } = answer.headers ?? {};
    if (answer.status === 307 && location !== undefined) {
      const { pathname, search } = new URL(location);
      return { ...answer, headers: { location: `https://${this.layerHost}${pathname}${search}` } };
    }
    if (kind === 'blobs/uploads' && location !== undefined) {
      // It takes a piece with the wrong status.
      const status = method === 'PATCH' ? 201 : answer.status;
      return {
        ...answer,
        status,
        headers: { ...answer.headers, location: `https://${this.host}${location}` },
      };
    }
    if (method !== 'PUT' || kind !== 'manifests') return answer;
    const isIndex = /index|list/.test(request.headers['content-type'] ?? '');
    const text = answer.body?.toString() ?? '';
    const named = text.includes('MANIFEST_BLOB_UNKNOWN') ? (text.match(/sha256:[0-9a-f]{64}/g) ?? []) : [];
    const missing = new Set([...named, ...(isIndex ? this.#lost : [])]);
    if (missing.size === 0) return answer;
    const digests = [...missing].join(', ');
    const where = `into repository with name '${path}' in the registry with id '123456789012' do not exist`;
    return isIndex
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

/** S3 speaks XML. */
function bucketAnswer(answer: Answer): Answer {
  if (answer.status !== 400) return answer;
  const words =
    'Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the ' +
    'Authorization header should be specified';
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>InvalidArgument</Code><Message>${words}</Message></Error>`;
  return { status: 400, headers: { 'content-type': 'application/xml' }, body: Buffer.from(body) };
}

function portOf(host: string): number {
  return Number(host.slice(host.lastIndexOf(':') + 1));
}
