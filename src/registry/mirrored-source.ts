import type { OnEvent } from '../content/events.js';
import type {
  ByteStream,
  ListTagsOptions,
  ReadManifestOptions,
  ReadOptions,
  Selector,
  Source,
} from '../content/source.js';
import type { Descriptor } from '../oci/descriptor.js';
import { isDigest, type Digest } from '../oci/digest.js';
import type { ManifestOrIndex } from '../oci/document.js';
import { isMultiarchError, messageLine, type MultiarchErrors } from '../oci/errors.js';
import { formatRepository, type Repository } from '../oci/reference.js';

/** A source that is a repository. */
type RepositorySource = Source & { readonly repository: Repository };

/** What is known about a mirror. The sources of all its repositories share it. */
export interface MirrorHealth {
  /** Whether it has failed, and is not asked again. */
  isDown: boolean;
}

export interface MirroredSourceOptions {
  readonly registry: RepositorySource;
  /** The same repository in the mirror. */
  readonly mirror: RepositorySource;
  readonly health: MirrorHealth;
  readonly onEvent?: OnEvent | undefined;
}

/**
 * A repository whose manifests and blobs are read from a mirror, by tag and by digest, and from the registry if the mirror
 * lacks them, denies access or fails. Content of the mirror that is not valid is an error, as everywhere. Tags and referrers
 * are listed by the registry: a mirror that caches lists only what it has cached.
 */
export class MirroredSource implements Source {
  readonly label: string;
  readonly repository: Repository;
  readonly #registry: RepositorySource;
  readonly #mirror: RepositorySource;
  readonly #health: MirrorHealth;
  readonly #onEvent: OnEvent | undefined;
  readonly #reported = new Set<string>();
  #isRefused = false;

  constructor({ registry, mirror, health, onEvent }: MirroredSourceOptions) {
    this.label = registry.label;
    this.repository = registry.repository;
    this.#registry = registry;
    this.#mirror = mirror;
    this.#health = health;
    this.#onEvent = onEvent;
  }

  resolve(selector: Selector, options?: ReadOptions): Promise<Descriptor> {
    return this.#read(async (source) =>
      this.#reportTag(source, selector, await source.resolve(selector, options)),
    );
  }

  async find(selector: Selector, options?: ReadOptions): Promise<Descriptor | undefined> {
    const found = await this.#readMirror((source) => source.find(selector, options));
    if (found !== undefined) return this.#reportTag(this.#mirror, selector, found);
    return this.#registry.find(selector, options);
  }

  readManifest(selector: Selector, options?: ReadManifestOptions): Promise<ManifestOrIndex> {
    return this.#read(async (source) =>
      this.#reportTag(source, selector, await source.readManifest(selector, options)),
    );
  }

  openBlob(descriptor: Descriptor, options?: ReadOptions): Promise<ByteStream> {
    return this.#read((source) => source.openBlob(descriptor, options));
  }

  async listReferrers(digest: Digest, options?: ReadOptions): Promise<readonly Descriptor[]> {
    return (await this.#registry.listReferrers?.(digest, options)) ?? [];
  }

  async listTags(options?: ListTagsOptions): Promise<readonly string[]> {
    return (await this.#registry.listTags?.(options)) ?? [];
  }

  async #read<T>(read: (source: RepositorySource) => Promise<T>): Promise<T> {
    return (await this.#readMirror(read)) ?? read(this.#registry);
  }

  /** Returns `undefined` if the registry is to be read instead. */
  async #readMirror<T>(read: (source: RepositorySource) => Promise<T>): Promise<T | undefined> {
    if (this.#health.isDown || this.#isRefused) return undefined;
    try {
      return await read(this.#mirror);
    } catch (error) {
      if (!isMultiarchError(error) || !isServerError(error)) throw error;
      this.#skipAfter(error);
      return undefined;
    }
  }

  /** Asks the mirror no more after an error that its next responses would repeat. */
  #skipAfter({ kind, message }: MultiarchErrors): void {
    const isDown = kind === 'unavailable' || kind === 'rate-limited';
    if (kind === 'not-found' || (isDown ? this.#health.isDown : this.#isRefused)) return;
    if (isDown) this.#health.isDown = true;
    else this.#isRefused = true;
    const [mirror, registry] = [this.#mirror, this.#registry].map(({ repository }) =>
      isDown ? repository.registry : formatRepository(repository),
    );
    this.#onEvent?.({
      kind: 'warning',
      message: `the mirror ${mirror} cannot be used, so ${registry} is read itself: ${messageLine(message)}`,
    });
  }

  /** Reports what a tag of the mirror points to, once: it may be behind that of the registry. */
  #reportTag<T extends { readonly digest: Digest }>(source: Source, selector: Selector, found: T): T {
    const { digest } = found;
    if (source !== this.#mirror || isDigest(selector) || this.#reported.has(`${selector} ${digest}`))
      return found;
    this.#reported.add(`${selector} ${digest}`);
    const reference = `${formatRepository(this.repository)}:${selector}`;
    this.#onEvent?.({ kind: 'mirrored', reference, mirror: this.#mirror.repository.registry, digest });
    return found;
  }
}

/** Reports whether the mirror said so or did not respond, as opposed to invalid content and to a fault of this machine. */
function isServerError({ kind, exchange }: MultiarchErrors): boolean {
  if (exchange !== undefined) return true;
  return kind === 'not-found' || kind === 'unauthorized' || kind === 'unavailable' || kind === 'rate-limited';
}
