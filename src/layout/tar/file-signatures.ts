import { InvalidError } from '../../oci/errors.js';

/** The compressions of tar files that can be read. */
export type TarCompression = 'gzip' | 'zstd';

const COMPRESSIONS: readonly (readonly [TarCompression, readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b]], // RFC 1952, 2.3.1
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]], // RFC 8878, 3.1.1
];

interface OtherFormat {
  readonly name: string;
  readonly magic: readonly number[];
  readonly hint: string;
}

const ZIP_HINT = 'Unpack it first and name the tar file inside. GitHub artifacts are zip files.';

const OTHER_FORMATS: readonly OtherFormat[] = [
  { name: 'a zip file', magic: [0x50, 0x4b, 3, 4], hint: ZIP_HINT },
  { name: 'a zip file', magic: [0x50, 0x4b, 5, 6], hint: ZIP_HINT }, // empty
  { name: 'a zip file', magic: [0x50, 0x4b, 7, 8], hint: ZIP_HINT }, // spanned
  {
    name: 'compressed with xz',
    magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0],
    hint: 'Decompress it first with `xz -d`.',
  },
  {
    name: 'compressed with bzip2',
    magic: [0x42, 0x5a, 0x68],
    hint: 'Decompress it first with `bzip2 -d`.',
  },
  {
    name: 'compressed with lz4',
    magic: [4, 0x22, 0x4d, 0x18],
    hint: 'Decompress it first with `lz4 -d`.',
  },
];

/**
 * The compression of a file; `undefined` if it has none that can be read.
 * @param start the first bytes of the file
 */
export function detectCompression(start: Uint8Array): TarCompression | undefined {
  return COMPRESSIONS.find(([, magic]) => startsWith(start, magic))?.[0];
}

const USTAR: readonly number[] = [...Buffer.from('ustar')];
/** The position of the magic number in the header of a tar entry (POSIX, "ustar Interchange Format"). */
const USTAR_AT = 257;
/** The number of bytes that {@link otherFormat} and {@link isArchive} need. */
export const SIGNATURE_BLOCK = 512;

/**
 * Reports whether a file starts as a tar file does, plain or compressed.
 * @param start the first {@link SIGNATURE_BLOCK} bytes of the file
 */
export function isArchive(start: Uint8Array): boolean {
  return startsWith(start.subarray(USTAR_AT), USTAR) || detectCompression(start) !== undefined;
}

/**
 * The format of a file that is not a tar file and cannot be read: `compressed with xz`; `undefined` for any other.
 * @param start the first {@link SIGNATURE_BLOCK} bytes of the file
 */
export function otherFormat(start: Uint8Array): string | undefined {
  // The name of the first entry could be a signature.
  if (startsWith(start.subarray(USTAR_AT), USTAR)) return undefined;
  return OTHER_FORMATS.find(({ magic }) => startsWith(start, magic))?.name;
}

/**
 * The error for a file whose first block is not the header of a tar entry.
 * @param label the file's name in messages
 * @param start the first bytes of the file
 */
export function notTarError(label: string, start: Uint8Array): InvalidError {
  const other = OTHER_FORMATS.find(({ magic }) => startsWith(start, magic));
  if (other === undefined) {
    return new InvalidError(`${label} is not a tar file, or it is damaged`, {
      hint: 'Name a file written by `docker save`, `podman save`, `skopeo copy` or `docker buildx build --output type=oci`.',
    });
  }
  return new InvalidError(`${label} is ${other.name}, not a tar file`, { hint: other.hint });
}

function startsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, index) => bytes[index] === byte);
}
