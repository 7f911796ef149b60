import { join } from 'node:path';
import type { Readable } from 'node:stream';

import { cancelStream, checkCancelled } from '../../content/cancellation.js';
import type { WriteBlobOptions } from '../../content/target.js';
import { verifiableAlgorithm, verifiedStream } from '../../content/verified-stream.js';
import { writeFileAtomically } from '../../files/atomic-write.js';
import { fileError } from '../../files/file-error.js';
import { makeDirectory } from '../../files/make-directory.js';
import type { Descriptor } from '../../oci/descriptor.js';
import type { Digest } from '../../oci/digest.js';
import { blobPath } from '../core/layout-documents.js';
import { fileSize, openFile, resolveInside } from './confined-file.js';

/** Read at once: a read is a trip to another thread, which for node's own 64 KiB takes longer than the reading. */
const READ_BYTES = 256 * 1024;

/** The `blobs` of an image layout: content under its digest (image-spec, "OCI Image Layout", "Blobs"). */
export class BlobDirectory {
  /** The layout, not its `blobs`. */
  readonly #root: string;
  readonly #prepare: () => Promise<void>;
  readonly #place: string;

  /**
   * @param prepare makes the layout, where there is none, before something is written into it
   * @param place what messages call the layout
   */
  constructor(root: string, prepare: () => Promise<void>, place = `oci:${root}`) {
    this.#root = root;
    this.#prepare = prepare;
    this.#place = place;
  }

  /** The size of a blob in bytes, `undefined` where it is not there. The content is not looked at. */
  async size(digest: Digest): Promise<number | undefined> {
    return fileSize(this.#root, blobPath(digest));
  }

  /**
   * Opens a blob; the stream checks it against the descriptor. `undefined` where it is not there.
   * @throws InvalidError for a digest that nothing can be verified with
   */
  async open(descriptor: Descriptor, signal?: AbortSignal): Promise<Readable | undefined> {
    const { digest } = descriptor;
    checkCancelled(signal, `read ${digest}`);
    const names = blobPath(digest);
    verifiableAlgorithm(digest);
    const file = await openFile(this.#root, names);
    if (file === undefined) return undefined;
    const verified = verifiedStream(
      file.createReadStream({ highWaterMark: READ_BYTES }),
      descriptor,
      this.#place,
    );
    return cancelStream(verified, signal, `read ${digest}`);
  }

  /**
   * Stores a blob, whether or not there is one already. It gets its name only when all of it is there, checked and
   * synced. `content` is read to its end or destroyed, whatever happens.
   * @throws InvalidError when the content is not what the descriptor says; what `content` fails with
   */
  async write(
    descriptor: Descriptor,
    content: Readable,
    { signal, onBytes }: WriteBlobOptions = {},
  ): Promise<void> {
    const { digest } = descriptor;
    // Listened to from the first moment on: an error that nobody hears would end the program.
    const verified = cancelStream(verifiedStream(content, descriptor), signal, `write ${digest}`);
    try {
      const names = blobPath(digest);
      verifiableAlgorithm(digest);
      const directory = names.slice(0, -1);
      await this.#prepare();
      await makeDirectory(join(this.#root, ...directory));
      // A `blobs` that is a link out of the layout would have us write there.
      await resolveInside(this.#root, directory);
      await writeFileAtomically(join(this.#root, ...names), verified, {
        temporaryDirectory: this.#root,
        onBytes,
      });
    } catch (error) {
      throw fileError('write', `blob ${digest} in ${this.#place}`, error);
    } finally {
      verified.destroy();
    }
  }
}
