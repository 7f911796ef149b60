import type { RunningRegistry } from './docker-registry.js';
import type { Account } from './sandbox.js';
import type { TinyBlob, TinyImage, TinyIndex } from './tiny-image.mjs';

/** The address of a registry. */
type RegistryAddress = Pick<RunningRegistry, 'host' | 'url'>;

/**
 * A repository of a real registry that a test fills and reads with plain requests. It is faster than a client, and can put
 * invalid content.
 */
export class Repository {
  /** As in references: `127.0.0.1:5000/team/app`. */
  readonly name: string;
  /** The name without the host. */
  readonly path: string;
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;

  /** @param account The account for a registry with Basic authentication. */
  constructor({ host, url }: RegistryAddress, path: string, account?: Account) {
    this.name = `${host}/${path}`;
    this.path = path;
    this.#url = `${url}/v2/${path}`;
    const login = Buffer.from(`${account?.username}:${account?.password}`).toString('base64');
    this.#headers = account === undefined ? {} : { authorization: `Basic ${login}` };
  }

  /** Puts an image, or an index with all its images. Returns the reference by tag, or by digest without a tag. */
  async add(content: TinyImage | TinyIndex, tag?: string): Promise<string> {
    if ('images' in content) {
      for (const image of content.images) await this.add(image);
      return this.putManifest(content, tag);
    }
    for (const blob of [content.config, ...content.layers]) await this.putBlob(blob);
    return this.putManifest(content.manifest, tag);
  }

  /** Puts the exact bytes of a manifest. Returns the reference by tag, or by digest without a tag. */
  async putManifest({ mediaType, bytes, digest }: TinyBlob, tag?: string): Promise<string> {
    await this.#send('PUT', `/manifests/${tag ?? digest}`, { 'content-type': mediaType }, bytes);
    return tag === undefined ? `${this.name}@${digest}` : `${this.name}:${tag}`;
  }

  async putBlob({ bytes, digest }: TinyBlob): Promise<void> {
    const started = await this.#send('POST', '/blobs/uploads/');
    const url = new URL(started.headers.get('location') ?? '');
    url.searchParams.set('digest', digest);
    await this.#send('PUT', url.href, { 'content-type': 'application/octet-stream' }, bytes);
  }

  /** The exact text and the media type of a manifest. */
  async readManifest(reference: string): Promise<{ readonly mediaType: string; readonly text: string }> {
    const response = await this.#send('GET', `/manifests/${reference}`, { accept: ANY_MANIFEST });
    return { mediaType: response.headers.get('content-type') ?? '', text: await response.text() };
  }

  async hasManifest(reference: string): Promise<boolean> {
    const headers = { ...this.#headers, accept: ANY_MANIFEST };
    const response = await fetch(`${this.#url}/manifests/${reference}`, { method: 'HEAD', headers });
    return response.ok;
  }

  /** Deletes a manifest with all its tags, but not its blobs. */
  async deleteManifest(digest: string): Promise<void> {
    await this.#send('DELETE', `/manifests/${digest}`);
  }

  async deleteBlob(digest: string): Promise<void> {
    await this.#send('DELETE', `/blobs/${digest}`);
  }

  /** @param path A path in the repository, or a URL. */
  async #send(
    method: string,
    path: string,
    headers: Readonly<Record<string, string>> = {},
    body?: Uint8Array,
  ): Promise<Response> {
    const response = await fetch(path.startsWith('/') ? this.#url + path : path, {
      method,
      headers: { ...this.#headers, ...headers },
      ...(body === undefined ? {} : { body: Buffer.from(body) }),
    });
    if (response.ok) return response;
    throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  }
}

const ANY_MANIFEST = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(',');
