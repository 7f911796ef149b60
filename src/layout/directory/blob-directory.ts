import { join } from 'node:path';
import type { Readable } from 'node:stream';

import { cancelStream } from '../../content/cancellation.js';
import type { ReadOptions } from '../../content/source.js';
import type { WriteBlobOptions } from '../../content/target.js';
import { verifiableAlgorithm, verifiedStream } from '../../content/verified-stream.js';
import { writeFileAtomically } from '../../files/atomic-write.js';
import { withFileErrors } from '../../files/file-error.js';
import { MODES } from '../../files/make-directory.js';
import type { Descriptor } from '../../oci/descriptor.js';
import type { Digest } from '../../oci/digest.js';
import { openVerified, type LayoutBlobs } from '../core/layout-blobs.js';
import { blobPath } from '../core/layout-documents.js';
import { fileSize, makeDirectoryInside, openFile } from './confined-file.js';

/** The size of stream chunks, in bytes. For Node's default of 64 KiB, the thread switch takes longer than the read. */
const CHUNK_BYTES = 256 * 1024;

/** The `blobs` directory of an image layout (image-spec, "OCI Image Layout", "Blobs"). */
export class BlobDirectory implements LayoutBlobs {
  /** The directory of the layout, the parent of `blobs`. */
  readonly #root: string;
  readonly #prepare: () => Promise<void>;
  readonly #label: string;

  /**
   * @param prepare creates the layout, if it is missing, before the first write
   * @param label the layout's name in messages
   */
  constructor(root: string, prepare: () => Promise<void>, label = `oci:${root}`) {
    this.#root = root;
    this.#prepare = prepare;
    this.#label = label;
  }

  async blobSize(digest: Digest): Promise<number | undefined> {
    return fileSize(this.#root, blobPath(digest));
  }

  async openBlob(descriptor: Descriptor, { signal }: ReadOptions = {}): Promise<Readable | undefined> {
    const parts = blobPath(descriptor.digest);
    return openVerified(descriptor, this.#label, signal, async () => {
      const file = await openFile(this.#root, parts);
      return file?.createReadStream({ highWaterMark: CHUNK_BYTES });
    });
  }

  /**
   * Stores a blob, replacing an existing one. The blob gets its name after it was verified and synced. `content` is
   * always read to its end or destroyed.
   * @throws InvalidError if the content does not match the descriptor; the error of `content`
   */
  async write(
    descriptor: Descriptor,
    content: Readable,
    { signal, onBytes }: WriteBlobOptions = {},
  ): Promise<void> {
    const { digest } = descriptor;
    // Attached at once: an unhandled stream error would end the process.
    const verified = cancelStream(verifiedStream(content, descriptor), signal, `write ${digest}`);
    try {
      await withFileErrors('write', `blob ${digest} in ${this.#label}`, async () => {
        const parts = blobPath(digest);
        verifiableAlgorithm(digest);
        await this.#prepare();
        await makeDirectoryInside(this.#root, parts.slice(0, -1), MODES.sharedDirectory);
        await writeFileAtomically(join(this.#root, ...parts), verified, {
          temporaryDirectory: this.#root,
          onBytes,
        });
      });
    } finally {
      verified.destroy();
    }
  }
}
