import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';

import type { Source } from '../../src/content/source.js';
import type { Descriptor } from '../../src/oci/descriptor.js';
import { parseDigest } from '../../src/oci/digest.js';
import { FailedError } from '../../src/oci/errors.js';

const PIECE = Buffer.alloc(64 << 10, 'multiarch ');

/** The descriptor of the blob of {@link generatedSource} with this size. */
export function generatedBlob(size: number): Descriptor {
  const hash = createHash('sha256');
  for (const piece of pieces(size)) hash.update(piece);
  return {
    mediaType: 'application/octet-stream',
    digest: parseDigest(`sha256:${hash.digest('hex')}`),
    size,
  };
}

/** A source of one blob of any size, which is generated on reads. `opened` counts the reads. */
export function generatedSource(change: (stream: Readable) => Readable = (stream) => stream): Source & {
  readonly opened: number;
} {
  let opened = 0;
  return {
    label: 'generated',
    get opened() {
      return opened;
    },
    resolve: reject,
    find: reject,
    readManifest: reject,
    openBlob: ({ size }) => {
      opened += 1;
      return Promise.resolve(change(Readable.from(pieces(size), { objectMode: false })));
    },
  };
}

function reject(): Promise<never> {
  return Promise.reject(new FailedError('has blobs only'));
}

function* pieces(size: number): Generator<Buffer> {
  for (let rest = size; rest > 0; rest -= PIECE.length) yield PIECE.subarray(0, Math.min(rest, PIECE.length));
}
