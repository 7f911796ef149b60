import type { RunningRegistry } from './docker-registry.js';
import type { Account } from './sandbox.js';
import type { TinyBlob, TinyImage, TinyIndex } from './tiny-image.mjs';

/** What {@link Repository} has to know of its registry. */
type Place = Pick<RunningRegistry, 'host' | 'url'>;

/**
 * A repository of a real registry that a test fills and looks into by plain requests: faster than with a client, and
 * also with what no client would put there.
 */
export class Repository {
  /** As a reference names it: `127.0.0.1:5000/team/app`. */
  readonly name: string;
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;

  /** @param account for a registry with passwords over plain HTTP */
  constructor({ host, url }: Place, path: string, account?: Account) {
    this.name = `${host}/${path}`;
    this.#url = `${url}/v2/${path}`;
    const login = Buffer.from(`${account?.username}:${account?.password}`).toString('base64');
    this.#headers = account === undefined ? {} : { authorization: `Basic ${login}` };
  }

  /** Puts an image, or an index with all its images; gives the reference by tag, or without one by digest. */
  async add(content: TinyImage | TinyIndex, tag?: string): Promise<string> {
    if ('images' in content) {
      for (const image of content.images) await this.add(image);
      return this.putManifest(content, tag);
    }
    for (const blob of [content.config, ...content.layers]) await this.putBlob(blob);
    return this.putManifest(content.manifest, tag);
  }

  /** Puts these bytes as they are; gives the reference by tag, or without one by digest. */
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

  /** The exact bytes at a tag or digest, as text, with their media type. */
  async readManifest(reference: string): Promise<{ readonly mediaType: string; readonly text: string }> {
    const answer = await this.#send('GET', `/manifests/${reference}`, { accept: ANY_MANIFEST });
    return { mediaType: answer.headers.get('content-type') ?? '', text: await answer.text() };
  }

  async hasManifest(reference: string): Promise<boolean> {
    const headers = { ...this.#headers, accept: ANY_MANIFEST };
    const answer = await fetch(`${this.#url}/manifests/${reference}`, { method: 'HEAD', headers });
    return answer.ok;
  }

  /** Forgets a manifest with all its tags. The registry keeps its blobs. */
  async deleteManifest(digest: string): Promise<void> {
    await this.#send('DELETE', `/manifests/${digest}`);
  }

  async deleteBlob(digest: string): Promise<void> {
    await this.#send('DELETE', `/blobs/${digest}`);
  }

  /** @param path below the repository's own, or a whole URL */
  async #send(
    method: string,
    path: string,
    headers: Readonly<Record<string, string>> = {},
    body?: Uint8Array,
  ): Promise<Response> {
    const answer = await fetch(path.startsWith('/') ? this.#url + path : path, {
      method,
      headers: { ...this.#headers, ...headers },
      ...(body === undefined ? {} : { body: Buffer.from(body) }),
    });
    if (answer.ok) return answer;
    throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  }
}

const ANY_MANIFEST = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(',');
