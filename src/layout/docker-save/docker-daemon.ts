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

/** Requests an image from a docker daemon as a tar file, as `docker save` does. */
export type SaveImage = (reference: Reference, options: ReadOptions) => Promise<Readable>;

export interface DockerDaemonOptions {
  readonly reference: Reference;
  readonly save: SaveImage;
  readonly onEvent?: OnEvent | undefined;
}

/**
 * A source for one image of a docker daemon. The first read saves the image into a temporary file, since a daemon streams
 * images as a whole.
 */
export class DockerDaemon implements Source {
  readonly label: string;
  readonly #reference: Reference;
  readonly #save: SaveImage;
  readonly #archive: DockerArchive;
  /** The directories of existing temporary files. */
  readonly #directories = new Set<string>();

  constructor({ reference, save, onEvent }: DockerDaemonOptions) {
    this.label = `docker-daemon:${familiarReference(reference)}`;
    this.#reference = reference;
    this.#save = save;
    this.#archive = new DockerArchive({
      label: this.label,
      open: ({ signal }) => this.#saveToFile(signal),
      onEvent,
    });
  }

  /**
   * The digest of the image's manifest, or of its index if the daemon has one.
   * @param options.layerCompression of layers that the daemon stores uncompressed. @default 'gzip'
   * @param options.format of a manifest that is created. @default 'docker'
   * @throws NotFoundError, UnavailableError, UnauthorizedError as `save` does; FailedError for a full disk; InvalidError
   *   if the daemon no longer has the manifest with the digest of the reference
   */
  async selector(options: ConversionOptions = {}): Promise<Digest> {
    const { digest } = this.#reference;
    if (digest !== undefined) return this.#requireDigest(digest, options);
    try {
      // The daemon chose the image, even if the archive has other names, as that of podman does.
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

  /** Cancels running work and removes the temporary file. May be called more than once. */
  close(): void {
    this.#archive.close();
    for (const directory of this.#directories) rmSync(directory, { recursive: true, force: true });
    this.#directories.clear();
  }

  async #requireDigest(digest: Digest, options: ReadOptions): Promise<Digest> {
    if ((await this.#archive.find(digest, options)) !== undefined) return digest;
    throw new InvalidError(`${this.label} no longer has the manifest with this digest`, {
      hint: 'Docker does not keep the compressed layers that it pulls. Name the image in its registry, or by a tag.',
    });
  }

  /** Only this user can read the file. It is unlinked while it is open, except on Windows. */
  async #saveToFile(signal: AbortSignal): Promise<TarArchive> {
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
      throw fileError('save', `${this.label} into ${tmpdir()}`, error, 'set TMPDIR to another directory');
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
