import { constants } from 'node:fs';

/** The permission to write of the group and of all users. */
export const WRITABLE_BY_OTHERS = 0o022;
/** All permissions of the group and of all users. */
export const USABLE_BY_OTHERS = 0o077;

/**
 * Flags to open a file that this program has written. NOFOLLOW rejects a symbolic link. NONBLOCK keeps a pipe from blocking.
 * Windows has neither.
 */
export const READ_OWN_FILE = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
