/**
 * Images in archives of `docker save`, from a file or a docker daemon, in either of its two formats.
 *
 * Offers docker-archive, docker-daemon.
 * @module layout/docker-save
 */
import type { Readable } from 'node:stream';

import { checkCancelled } from '../../content/cancellation.js';
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
import { parseManifestJson } from './manifest-json.js';
import { offer } from './named-images.js';
import { Remembered } from '../../content/remembered.js';
import { OciLayoutSave } from './oci-layout-save.js';

export type { LayerCompression } from './legacy-layer.js';

/** The table of contents that every docker has written since version 1.10. */
const MANIFEST = 'manifest.json';

export interface DockerArchiveOptions {
  readonly path: string;
  readonly onEvent?: OnEvent | undefined;
}

/** How an archive is had that is not simply a file that the user named. */
export interface ArchiveOrigin {
  /** The archive's name in messages. */
  readonly label: string;
  /** Is called once, unless it fails. */
  readonly open: (options: { readonly signal: AbortSignal }) => Promise<TarArchive>;
  readonly onEvent?: OnEvent | undefined;
}

/**
 * A file that `docker save` wrote, or another tool in its form, as a place to read images from.
 *
 * Manifests that the archive has (docker 25 and later, BuildKit) are used as they are. Otherwise each image is made into
 * one: its config stays as it is, and its layers are compressed in a way that gives the same digest whenever the same
 * version of Node does it, or left uncompressed, which gives the same digest everywhere. Nothing is
 * written to disk, but for a file that is compressed as a whole: it is decompressed into a temporary one.
 */
export class DockerArchive implements Source {
  readonly label: string;
  readonly #origin: ArchiveOrigin;
  readonly #closed = new AbortController();
  readonly #opened: TarArchive[] = [];
  readonly #images = new Remembered(() => this.#open());

  constructor(options: DockerArchiveOptions | ArchiveOrigin) {
    this.#origin = 'path' in options ? originOfFile(options) : options;
    this.label = this.#origin.label;
  }

  /**
   * The digest of an image's manifest, or of its index where the archive has one.
   * @param reference as `docker save` was told, with its tag; undefined for the only image there is
   * @param options.layerCompression of layers that are stored uncompressed. @default 'gzip'
   * @throws NotFoundError, ArgumentError: the hint lists the names there are; InvalidError for a damaged archive
   */
  async selector(reference: Reference | undefined, options: ConversionOptions = {}): Promise<Digest> {
    const images = await this.#images.get(options.signal);
    return images.select(reference, options);
  }

  async resolve(selector: Selector, options: ReadOptions = {}): Promise<Descriptor> {
    return (await this.find(selector, options)) ?? this.#notFound(selector);
  }

  /**
   * By a digest, an image is found in the form of either compression; by a tag, with its layers compressed.
   * @throws ArgumentError where several images have the tag
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
      hint: 'The archive, or the version of Node, may be another one than when the draft was made: create it again.',
    });
  }

  /** Ends what is under way, and closes the file. May be called twice; nothing can be read after it. */
  close(): void {
    this.#closed.abort();
    for (const archive of this.#opened) archive.close();
  }

  async #open(): Promise<DockerSaveImages> {
    const archive = await this.#openArchive();
    const { signal } = this.#closed;
    const layout = await OciLayoutSave.open(archive, { label: this.label, onEvent: this.#origin.onEvent });
    const bytes = await archive.readSmallFile(MANIFEST, MAX_MANIFEST_PULL);
    // The layout may list what was not saved with it; `manifest.json` then still does.
    if (layout !== undefined && (bytes === undefined || (await layout.holdsAny({ signal })))) return layout;
    if (bytes === undefined) {
      throw new InvalidError(`${this.label} was not written by \`docker save\`: it has no ${MANIFEST}`, {
        hint: 'If it should have been, it is cut off: save or download the image again.',
      });
    }
    const saved = parseManifestJson(bytes, `${MANIFEST} of ${this.label}`);
    return new LegacySave({ archive, label: this.label, saved, closed: signal });
  }

  async #openArchive(): Promise<TarArchive> {
    const { signal } = this.#closed;
    const [known] = this.#opened;
    if (known !== undefined && !signal.aborted) return known;
    if (!signal.aborted) {
      const archive = await this.#origin.open({ signal });
      this.#opened.push(archive);
      // Closed in the meantime, by who could not know of it.
      if (!signal.aborted) return archive;
      archive.close();
    }
    throw new FailedError(`cannot read ${this.label}: it has been closed`);
  }

  async #notFound(selector: Selector): Promise<never> {
    const { images } = await this.#images.get();
    throw new NotFoundError(`${selector} is not in ${this.label}`, { hint: offer('It holds', images) });
  }
}

function originOfFile({ path, onEvent }: DockerArchiveOptions): ArchiveOrigin {
  return {
    label: `docker-archive:${path}`,
    open: (options) => TarArchive.open(path, options),
    onEvent,
  };
}
