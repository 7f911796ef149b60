import { rmSync } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';

import { cancelStream, checkCancelled } from '../../content/cancellation.js';
import type { OnEvent } from '../../content/events.js';
import type { ReadOptions, Selector, Source } from '../../content/source.js';
import { fileError } from '../../files/file-error.js';
import type { Descriptor } from '../../oci/descriptor.js';
import type { Digest } from '../../oci/digest.js';
import type { ManifestOrIndex } from '../../oci/document.js';
import { ArgumentError, InvalidError } from '../../oci/errors.js';
import { familiarReference, type Reference } from '../../oci/reference.js';
import { TarArchive } from '../tar/tar-archive.js';
import type { ConversionOptions } from './docker-save-images.js';
import { DockerArchive } from './docker-archive.js';

/** Asks a docker daemon for an image, as `docker save` does: a tar file. */
export type SaveImage = (reference: Reference, options: ReadOptions) => Promise<Readable>;

export interface DockerDaemonOptions {
  readonly reference: Reference;
  readonly save: SaveImage;
  readonly onEvent?: OnEvent | undefined;
}

/**
 * One image of a docker daemon as a place to read from. When it is first asked for, it is saved into a temporary file, since
 * a daemon gives an image only from beginning to end.
 */
export class DockerDaemon implements Source {
  readonly label: string;
  readonly #reference: Reference;
  readonly #save: SaveImage;
  readonly #archive: DockerArchive;
  /** Of temporary files that are there now. */
  readonly #directories = new Set<string>();

  constructor({ reference, save, onEvent }: DockerDaemonOptions) {
    this.label = `docker-daemon:${familiarReference(reference)}`;
    this.#reference = reference;
    this.#save = save;
    this.#archive = new DockerArchive({
      label: this.label,
      open: ({ signal }) => this.#load(signal),
      onEvent,
    });
  }

  /**
   * The digest of the image's manifest, or of its index where the daemon has one.
   * @param options.layerCompression of layers that the daemon holds uncompressed. @default 'gzip'
   * @throws NotFoundError, UnavailableError, UnauthorizedError as `save` does; FailedError for a full disk; InvalidError
   *   where the daemon no longer has the manifest that the reference's digest stands for
   */
  async selector(options: ConversionOptions = {}): Promise<Digest> {
    const { digest } = this.#reference;
    if (digest !== undefined) return this.#holding(digest, options);
    try {
      // The daemon knows which one is meant, even if it writes another name beside it, as podman does.
      return await this.#archive.selector(undefined, options);
    } catch (error) {
      if (!(error instanceof ArgumentError)) throw error;
      return this.#archive.selector(this.#reference, options);
    }
  }

  resolve(selector: Selector, options?: ReadOptions): Promise<Descriptor> {
    return this.#archive.resolve(selector, options);
  }

  find(selector: Selector, options?: ReadOptions): Promise<Descriptor | undefined> {
    return this.#archive.find(selector, options);
  }

  readManifest(selector: Selector, options?: ReadOptions): Promise<ManifestOrIndex> {
    return this.#archive.readManifest(selector, options);
  }

  openBlob(descriptor: Descriptor, options?: ReadOptions): Promise<Readable> {
    return this.#archive.openBlob(descriptor, options);
  }

  /** Ends what is under way, and removes the temporary file. May be called twice; nothing can be read after it. */
  close(): void {
    this.#archive.close();
    for (const directory of this.#directories) rmSync(directory, { recursive: true, force: true });
    this.#directories.clear();
  }

  async #holding(digest: Digest, options: ReadOptions): Promise<Digest> {
    if ((await this.#archive.find(digest, options)) !== undefined) return digest;
    throw new InvalidError(`${this.label} does not have the manifest with this digest any more`, {
      hint: 'Docker keeps the layers of what it pulls, but not as they were. Name the image in its registry, or by a tag.',
    });
  }

  /** The file is only this user's, and loses its name as soon as it is open, where the system allows that. */
  async #load(signal: AbortSignal): Promise<TarArchive> {
    const content = cancelStream(await this.#save(this.#reference, { signal }), signal, `save ${this.label}`);
    let directory: string | undefined;
    try {
      directory = await mkdtemp(join(tmpdir(), 'multiarch-docker-'));
      this.#directories.add(directory);
      const path = join(directory, 'image.tar');
      await writeFile(path, content);
      checkCancelled(signal, `save ${this.label}`);
      const archive = await TarArchive.open(path, { signal });
      if (process.platform !== 'win32') await this.#remove(directory);
      return archive;
    } catch (error) {
      content.destroy();
      if (directory !== undefined) await this.#remove(directory);
      throw fileError('save', `${this.label} into ${tmpdir()}`, error, 'name another directory in TMPDIR');
    }
  }

  async #remove(directory: string): Promise<void> {
    await rm(directory, { recursive: true, force: true });
    this.#directories.delete(directory);
  }
}

async function writeFile(path: string, content: Readable): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    for await (const chunk of content as AsyncIterable<Uint8Array>) await file.writeFile(chunk);
  } finally {
    await file.close();
  }
}
