import { Header } from 'tar/header';
import { Pax } from 'tar/pax';

const BLOCK = 512;

/** The metadata of an entry to write. */
export interface TarMember {
  readonly path: string;
  /** @default 'File' */
  readonly type?: 'File' | 'Directory' | 'SymbolicLink';
  /** In bytes. @default 0 */
  readonly size?: number;
  /** The target of a symbolic link. */
  readonly linkpath?: string;
  /** @default 0o644 */
  readonly mode?: number;
  /** The user and group ID. @default 0 */
  readonly owner?: number;
  /** @default 1970 */
  readonly mtime?: Date;
}

/** The blocks that end an archive. */
export const TAR_END: Uint8Array = Buffer.alloc(2 * BLOCK);

/**
 * Returns the header of an entry in the format POSIX ustar, preceded by a pax header if the name is too long or the size is
 * 8 GiB or more. It has no names of users, so equal entries have equal headers.
 */
export function tarHeader(member: TarMember): Uint8Array {
  const { owner = 0, mtime = new Date(0), size = 0, ...names } = member;
  const common = { size, uid: owner, gid: owner, mtime };
  const block = Buffer.alloc(BLOCK);
  const isTooLong = new Header({ type: 'File', mode: 0o644, ...names, ...common }).encode(block);
  if (!isTooLong) return block;
  const { path, linkpath } = member;
  return Buffer.concat([new Pax({ path, ...(linkpath !== undefined && { linkpath }), ...common }).encode(), block]); // prettier-ignore
}

/** Returns the zeros that fill the last block of an entry's content. */
export function tarPadding(size: number): Uint8Array {
  return Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);
}
