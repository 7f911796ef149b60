/**
 * Images in `docker save` archives, from a file or a docker daemon, in either of the two formats.
 *
 * Offers docker-archive, docker-daemon.
 * @module layout/docker-save
 */
import type { Readable } from 'node:stream';

import { checkCancelled, JoinedSignal } from '../../content/cancellation.js';
import type { OnEvent } from '../../content/events.js';
import type { ReadOptions, Selector, Source } from '../../content/source.js';
import type { Descriptor } from '../../oci/descriptor.js';
import type { Digest } from '../../oci/digest.js';
import { type ManifestOrIndex, MAX_MANIFEST_PULL } from '../../oci/document.js';
import { FailedError, InvalidError, NotFoundError } from '../../oci/errors.js';
import type { Reference } from '../../oci/reference.js';
import { TarArchive } from '../tar/tar-archive.js';
import type { DockerSaveImages, ConversionOptions } from './docker-save-images.js';
import { LegacySave } from './legacy-save.js';
import { parseManifestJson, type ManifestJsonEntry } from './manifest-json.js';
import { namesHint } from './image-selection.js';
import { SingleFlight } from '../../content/single-flight.js';
import { OciLayoutSave } from './oci-layout-save.js';

export type { ManifestFormat } from './docker-save-images.js';
export type { LayerCompression } from './legacy-layer.js';

/** The list of images that docker has written since version 1.10. */
const MANIFEST_JSON = 'manifest.json';

export interface DockerArchiveOptions {
  readonly path: string;
  readonly onEvent?: OnEvent | undefined;
}

/** Provides an archive, from a file or another source. */
export interface ArchiveProvider {
  /** The archive's name in messages. */
  readonly label: string;
  /** Called once, and again after a failure. */
  readonly open: (options: { readonly signal: AbortSignal }) => Promise<TarArchive>;
  readonly onEvent?: OnEvent | undefined;
}

/**
 * A source for archives in the format of `docker save`.
 *
 * Manifests in the archive (docker 25 and later, BuildKit) are used unchanged. Otherwise a manifest is created for each
 * image: its config is kept, and its layers are compressed reproducibly for a given version of Node.js, or left
 * uncompressed, which gives the same digest everywhere. Only an archive that is compressed as a whole is decompressed
 * into a temporary file.
 */
export class DockerArchive implements Source {
  readonly label: string;
  readonly #provider: ArchiveProvider;
  readonly #closed = new AbortController();
  readonly #opened: TarArchive[] = [];
  readonly #images = new SingleFlight((signal) => this.#open(signal));

  constructor(options: DockerArchiveOptions | ArchiveProvider) {
    this.#provider = 'path' in options ? fileProvider(options) : options;
    this.label = this.#provider.label;
  }

  /**
   * The digest of an image's manifest, or of its index if the archive has one.
   * @param reference the name that the image was saved under, with its tag; `undefined` for the only image
   * @param options.layerCompression of layers that are stored uncompressed. @default 'gzip'
   * @param options.format of a manifest that is created. @default 'docker'
   * @throws NotFoundError or ArgumentError, with a hint that lists the names; InvalidError if the archive is damaged
   */
  async selector(reference: Reference | undefined, options: ConversionOptions = {}): Promise<Digest> {
    const images = await this.#images.get(options.signal);
    return images.select(reference, options);
  }

  /**
   * As {@link DockerArchive.selector}, for an image by its position in `manifest.json`, counted from 0.
   * @throws NotFoundError if there are fewer images; InvalidError if the archive is damaged
   */
  async selectorAt(position: number, options: ConversionOptions = {}): Promise<Digest> {
    const images = await this.#images.get(options.signal);
    return images.selectAt(position, options);
  }

  /**
   * As {@link DockerArchive.selector}, for an image by its ID. Any other digest, which may be that of a manifest, is
   * returned.
   */
  async selectorOf(digest: Digest, options: ConversionOptions = {}): Promise<Digest> {
    const images = await this.#images.get(options.signal);
    return (await images.selectId(digest, options)) ?? digest;
  }

  async resolve(selector: Selector, options: ReadOptions = {}): Promise<Descriptor> {
    return (await this.find(selector, options)) ?? this.#notFound(selector);
  }

  /**
   * A digest may be that of an image with compressed or uncompressed layers; a tag selects compressed layers.
   * @throws ArgumentError if several images have the tag
   */
  async find(selector: Selector, options: ReadOptions = {}): Promise<Descriptor | undefined> {
    checkCancelled(options.signal, `look for ${selector} in ${this.label}`);
    const images = await this.#images.get(options.signal);
    return images.find(selector, options);
  }

  async readManifest(selector: Selector, options: ReadOptions = {}): Promise<ManifestOrIndex> {
    checkCancelled(options.signal, `read ${selector} of ${this.label}`);
    const images = await this.#images.get(options.signal);
    return (await images.readManifest(selector, options)) ?? this.#notFound(selector);
  }

  async openBlob(descriptor: Descriptor, options: ReadOptions = {}): Promise<Readable> {
    checkCancelled(options.signal, `read ${descriptor.digest}`);
    const images = await this.#images.get(options.signal);
    const content = await images.openBlob(descriptor, options);
    if (content !== undefined) return content;
    throw new NotFoundError(`blob ${descriptor.digest} is not in ${this.label}`, {
      hint: 'The archive or Node.js version changed since the draft was created; re-create the draft.',
    });
  }

  /** Cancels running work and closes the file. May be called more than once. */
  close(): void {
    this.#closed.abort();
    for (const archive of this.#opened) archive.close();
  }

  /** @param abandoned fires when no caller waits for the images any more */
  async #open(abandoned: AbortSignal): Promise<DockerSaveImages> {
    const archive = await this.#openArchive(abandoned);
    const { signal } = this.#closed;
    const { onEvent } = this.#provider;
    const { label } = this;
    const bytes = await archive.readSmallFile(MANIFEST_JSON, MAX_MANIFEST_PULL);
    const manifestJson = (): readonly ManifestJsonEntry[] =>
      bytes === undefined ? [] : parseManifestJson(bytes, `${MANIFEST_JSON} of ${label}`);
    const layout = await OciLayoutSave.open(archive, { label, onEvent, manifestJson });
    // The layout may list images that were not saved completely; `manifest.json` lists the ones that were.
    if (layout !== undefined && (bytes === undefined || (await layout.hasCompleteImage({ signal }))))
      return layout;
    if (bytes === undefined) {
      throw new InvalidError(`${label} was not written by \`docker save\`: it has no ${MANIFEST_JSON}`, {
        hint: 'If it was, it is truncated: save or download the image again.',
      });
    }
    return LegacySave.open({ archive, label, saved: manifestJson(), closed: signal, onEvent });
  }

  async #openArchive(abandoned: AbortSignal): Promise<TarArchive> {
    const { signal } = this.#closed;
    const [opened] = this.#opened;
    if (opened !== undefined && !signal.aborted) return opened;
    if (!signal.aborted) {
      const joined = new JoinedSignal([signal, abandoned]);
      const archive = await joined.during((either) => this.#provider.open({ signal: either }));
      this.#opened.push(archive);
      // The source was closed while the archive was being opened.
      if (!signal.aborted) return archive;
      archive.close();
    }
    throw new FailedError(`cannot read ${this.label}: it has been closed`);
  }

  async #notFound(selector: Selector): Promise<never> {
    const { images } = await this.#images.get();
    throw new NotFoundError(`${selector} is not in ${this.label}`, { hint: namesHint('It holds', images) });
  }
}

function fileProvider({ path, onEvent }: DockerArchiveOptions): ArchiveProvider {
  return {
    label: `docker-archive:${path}`,
    open: (options) => TarArchive.open(path, options),
    onEvent,
  };
}
