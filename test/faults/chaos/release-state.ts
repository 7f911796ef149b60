import { createHash } from 'node:crypto';

import type { RunningRegistry } from '../../support/docker-registry.js';

const ANY_MANIFEST = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(',');

/** A tag as the registry has it. */
export interface TagState {
  readonly digest: string;
  /** The digests of the entries, in order. */
  readonly entries: readonly string[];
}

interface Descriptor {
  readonly digest: string;
  readonly size: number;
}

interface Manifest {
  readonly manifests?: readonly Descriptor[];
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
}

/** Reads the tags of one repository directly from the registry, with everything that they need. */
export class ReleaseState {
  readonly #url: string;
  /** Content whose bytes were right when they were read. The registry stores it by digest, so it only needs to exist. */
  readonly #verified = new Set<string>();

  constructor(registry: Pick<RunningRegistry, 'url'>, path: string) {
    this.#url = `${registry.url}/v2/${path}`;
  }

  /**
   * Reads a tag; `undefined` if it does not exist.
   * @throws if anything that it needs is missing or has other bytes than its digest and size say
   */
  async read(tag: string): Promise<TagState | undefined> {
    const response = await fetch(`${this.#url}/manifests/${tag}`, { headers: { accept: ANY_MANIFEST } });
    const bytes = Buffer.from(await response.arrayBuffer());
    if (response.status === 404) return undefined;
    if (!response.ok) throw new Error(`the registry responds with ${response.status} for ${tag}`);
    const manifest = JSON.parse(bytes.toString('utf8')) as Manifest;
    await this.#checkChildren(manifest);
    return { digest: digestOf(bytes), entries: (manifest.manifests ?? []).map(({ digest }) => digest) };
  }

  async #checkChildren({ manifests = [], config, layers = [] }: Manifest): Promise<void> {
    for (const child of manifests) {
      const bytes = await this.#check('manifests', child);
      if (bytes !== undefined) await this.#checkChildren(JSON.parse(bytes.toString('utf8')) as Manifest);
    }
    for (const blob of config === undefined ? layers : [config, ...layers]) await this.#check('blobs', blob);
  }

  /** Returns the bytes of content that is read for the first time. */
  async #check(kind: 'manifests' | 'blobs', { digest, size }: Descriptor): Promise<Buffer | undefined> {
    const isKnown = this.#verified.has(digest);
    const response = await fetch(`${this.#url}/${kind}/${digest}`, {
      method: isKnown ? 'HEAD' : 'GET',
      headers: { accept: ANY_MANIFEST },
    });
    const bytes = Buffer.from(await response.arrayBuffer());
    if (!response.ok) throw new Error(`${kind}/${digest} is missing: ${response.status}`);
    if (isKnown) return undefined;
    if (bytes.length !== size || digestOf(bytes) !== digest) {
      throw new Error(`${kind}/${digest} has ${bytes.length} bytes of ${digestOf(bytes)}, expected ${size}`);
    }
    this.#verified.add(digest);
    return bytes;
  }
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
