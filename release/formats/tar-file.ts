import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

import { TAR_END, tarHeader, tarPadding } from '../../src/layout/tar/tar-writing.js';

/** A file, directory or symbolic link of a release file. */
export type TarEntry = {
  /** Without a leading or trailing slash. */
  readonly path: string;
  /** The user and group ID. @default 0 */
  readonly owner?: number;
} & (
  | { readonly content: Uint8Array | string; readonly mode: number }
  | { readonly directory: true; readonly mode: number }
  /** The target of a symbolic link. */
  | { readonly link: string }
);

/** The offset of the operating system in a gzip header (RFC 1952, section 2.3.1), and the value for "unknown". */
const OS_OFFSET = 9;
const UNKNOWN_OS = 0xff;

/**
 * Returns a tar file with these entries, sorted by path, and the directories above them. Equal entries and times give equal
 * bytes.
 * @param time of all entries, in seconds since 1970
 * @throws Error for two entries with one path
 */
export function tarFile(entries: readonly TarEntry[], time: number): Buffer {
  const sorted = [...missingDirectories(entries), ...entries].toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const repeated = sorted.find(({ path }, at) => path === sorted[at + 1]?.path);
  if (repeated !== undefined) throw new Error(`two entries are named ${repeated.path}`);
  return Buffer.concat([...sorted.flatMap((entry) => blocksOf(entry, new Date(time * 1000))), TAR_END]);
}

/** Compresses reproducibly: the header has no time, name or operating system. Another version of zlib may give other bytes. */
export async function gzipped(bytes: Uint8Array): Promise<Buffer> {
  const compressed = await promisify(gzip)(bytes, { level: 9 });
  compressed[OS_OFFSET] = UNKNOWN_OS;
  return compressed;
}

function missingDirectories(entries: readonly TarEntry[]): TarEntry[] {
  const present = new Set(entries.map(({ path }) => path));
  const above = entries.flatMap(({ path }) => {
    const parts = path.split('/').slice(0, -1);
    return parts.map((_, at) => parts.slice(0, at + 1).join('/'));
  });
  const missing = [...new Set(above)].filter((path) => !present.has(path));
  return missing.map((path) => ({ path, directory: true, mode: 0o755 }));
}

function blocksOf(entry: TarEntry, mtime: Date): Uint8Array[] {
  const { path, owner = 0 } = entry;
  if ('link' in entry) {
    return [tarHeader({ path, type: 'SymbolicLink', linkpath: entry.link, mode: 0o777, owner, mtime })];
  }
  const { mode } = entry;
  if ('directory' in entry) return [tarHeader({ path: `${path}/`, type: 'Directory', mode, owner, mtime })];
  const content = Buffer.from(entry.content);
  const { length: size } = content;
  return [tarHeader({ path, size, mode, owner, mtime }), content, tarPadding(size)];
}
