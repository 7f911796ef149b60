import { createHash } from 'node:crypto';

const EXTENSION = '.json';
/** Must not end with `.json`: that would be the name of a draft whose tag ends that way. */
const HISTORY_EXTENSION = '.history';
/**
 * The maximum length of a name without its extension. File systems allow 255 bytes, and lock names add up to 31 bytes
 * to the file name.
 */
const MAX_STEM_LENGTH = 200;
/** The length of the readable prefix of a hashed name. */
const READABLE_LENGTH = 120;
/** Not among the characters that are kept, so no short name looks like a hashed one. */
const HASH_MARK = '~';

/** Names that Windows reserves for devices, with any extension. */
const WINDOWS_DEVICE = /^(?:con|prn|aux|nul|com\d|lpt\d)(?=\.|$)/;
const HASHED_STEM = new RegExp(`^[a-z0-9._%-]{${READABLE_LENGTH}}${HASH_MARK}[0-9a-f]{64}$`);

/**
 * The name of a target's draft file: `docker.io%2flibrary%2fapp%3a1.2.json`.
 *
 * Lower-case ASCII letters, digits, `.`, `_` and `-` are kept; every other byte of the UTF-8 text is percent-encoded in
 * lower case. Names therefore differ on case-insensitive file systems and contain no reserved characters.
 * `decodeURIComponent` returns the target. A name that is too long is cut and followed by `~` and the SHA-256 of the
 * target; the file itself contains the target.
 *
 * @param target as `formatImageLocation` writes it
 */
export function draftFileName(target: string): string {
  return fileStem(target) + EXTENSION;
}

/** The name of a target's history file, beside its draft: `docker.io%2flibrary%2fapp%3a1.2.history`. */
export function historyFileName(target: string): string {
  return fileStem(target) + HISTORY_EXTENSION;
}

/** Reports whether a file name is that of a draft. Other files in the directory are ignored. */
export function isDraftFileName(name: string): boolean {
  if (!name.endsWith(EXTENSION)) return false;
  const stem = name.slice(0, -EXTENSION.length);
  return HASHED_STEM.test(stem) || draftTarget(name) !== undefined;
}

/** The target of a draft's file name; `undefined` for a hashed name or one that {@link draftFileName} does not return. */
export function draftTarget(name: string): string | undefined {
  let target: string;
  try {
    target = decodeURIComponent(name.slice(0, -EXTENSION.length));
  } catch {
    return undefined;
  }
  // A full target has a colon before its tag or digest, or after its transport. `package.json` has none.
  return target.includes(':') && draftFileName(target) === name ? target : undefined;
}

function fileStem(target: string): string {
  const escaped = escape(target);
  return escaped.length <= MAX_STEM_LENGTH
    ? escaped
    : escaped.slice(0, READABLE_LENGTH) + HASH_MARK + sha256(target);
}

function escape(text: string): string {
  const bytes = [...Buffer.from(text, 'utf8')];
  const escaped = bytes.map((byte) => {
    const character = String.fromCharCode(byte);
    return /[a-z0-9._-]/.test(character) ? character : percent(character);
  });
  return escaped.join('').replace(WINDOWS_DEVICE, (device) => percent(device.slice(0, 1)) + device.slice(1));
}

function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
}

function sha256(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}
