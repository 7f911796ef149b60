import { InvalidError } from '../../oci/errors.js';

/** How an archive is compressed. */
export type ArchiveCompression = 'gzip' | 'zstd';

const COMPRESSIONS: readonly (readonly [ArchiveCompression, readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b]], // RFC 1952, 2.3.1
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]], // RFC 8878, 3.1.1
];

interface OtherFormat {
  readonly name: string;
  readonly magic: readonly number[];
  readonly hint: string;
}

const ZIP_HINT =
  'Unpack it first, and name the tar file in it; what GitHub gives as an artifact is such a zip.';

const OTHERS: readonly OtherFormat[] = [
  { name: 'a zip file', magic: [0x50, 0x4b, 3, 4], hint: ZIP_HINT },
  { name: 'a zip file', magic: [0x50, 0x4b, 5, 6], hint: ZIP_HINT }, // without an entry
  { name: 'a zip file', magic: [0x50, 0x4b, 7, 8], hint: ZIP_HINT }, // in several parts
  {
    name: 'compressed with xz',
    magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0],
    hint: 'Decompress it first: xz -d FILE',
  },
  {
    name: 'compressed with bzip2',
    magic: [0x42, 0x5a, 0x68],
    hint: 'Decompress it first: bzip2 -d FILE',
  },
  {
    name: 'compressed with lz4',
    magic: [4, 0x22, 0x4d, 0x18],
    hint: 'Decompress it first: lz4 -d FILE',
  },
];

/** @param start the first bytes of a file; `undefined` where it is not compressed in a way that is read */
export function compressionOf(start: Uint8Array): ArchiveCompression | undefined {
  return COMPRESSIONS.find(([, magic]) => startsWith(start, magic))?.[0];
}

/**
 * What is wrong with a file whose first block is no header of a tar entry.
 * @param label what messages call it
 * @param start its first bytes
 */
export function notTar(label: string, start: Uint8Array): InvalidError {
  const other = OTHERS.find(({ magic }) => startsWith(start, magic));
  if (other === undefined) {
    return new InvalidError(`${label} is not a tar file, or damaged from its first byte on`, {
      hint: 'Name a file that `docker save`, `podman save`, `skopeo copy` or `docker buildx build --output type=oci` wrote.',
    });
  }
  return new InvalidError(`${label} is ${other.name}, not a tar file`, { hint: other.hint });
}

function startsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, index) => bytes[index] === byte);
}
