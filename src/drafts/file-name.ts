import { createHash } from 'node:crypto';

const EXTENSION = '.json';
/** Not `.json` at the end: that would be the draft of a tag with this ending. */
const HISTORY_EXTENSION = '.history';
/**
 * The longest name without its extension. File systems allow 255 bytes, and names of locks are made by adding up to
 * 31 bytes to the file's name.
 */
const LONGEST = 200;
/** How much of a longer name stays readable before its hash. */
const KEPT = 120;
/** Not among the characters that stay as they are, so no short name looks like a long one. */
const HASH_MARK = '~';

/** What Windows takes for a device, whatever the extension. */
const DEVICE = /^(?:con|prn|aux|nul|com\d|lpt\d)(?=\.|$)/;
const HASHED = new RegExp(`^[a-z0-9._%-]{${KEPT}}${HASH_MARK}[0-9a-f]{64}$`);

/**
 * The name of the file that holds a target's draft: `docker.io%2flibrary%2fapp%3a1.2.json`.
 *
 * Lower-case ASCII letters, digits, `.`, `_` and `-` stay as they are; every other byte of the UTF-8 text is written as
 * `%` and two lower-case hexadecimal digits. So names stay apart where upper and lower case are the same, and hold
 * nothing that a file system reserves. `decodeURIComponent` gives the target back.
 * A name that would be too long is cut, and the target's SHA-256 follows after a `~`; the target is in the file.
 *
 * @param target as `formatImageLocation` writes it
 */
export function draftFileName(target: string): string {
  return stemOf(target) + EXTENSION;
}

/** The name of the file beside it that says what was pushed: `docker.io%2flibrary%2fapp%3a1.2.history`. */
export function historyFileName(target: string): string {
  return stemOf(target) + HISTORY_EXTENSION;
}

/** Whether a draft may have this name. Whatever else lies in the directory is none of ours. */
export function isDraftFileName(name: string): boolean {
  if (!name.endsWith(EXTENSION)) return false;
  const stem = name.slice(0, -EXTENSION.length);
  return HASHED.test(stem) || draftTarget(name) !== undefined;
}

/** The target that a file name stands for; `undefined` where the name is cut, or none that {@link draftFileName} gives. */
export function draftTarget(name: string): string | undefined {
  let target: string;
  try {
    target = decodeURIComponent(name.slice(0, -EXTENSION.length));
  } catch {
    return undefined;
  }
  // A target in full holds a colon: that of its tag, of its digest or of its transport. `package.json` is none.
  return target.includes(':') && draftFileName(target) === name ? target : undefined;
}

function stemOf(target: string): string {
  const escaped = escape(target);
  return escaped.length <= LONGEST ? escaped : escaped.slice(0, KEPT) + HASH_MARK + sha256(target);
}

function escape(text: string): string {
  const bytes = [...Buffer.from(text, 'utf8')];
  const escaped = bytes.map((byte) => {
    const character = String.fromCharCode(byte);
    return /[a-z0-9._-]/.test(character) ? character : percent(character);
  });
  return escaped.join('').replace(DEVICE, (device) => percent(device.slice(0, 1)) + device.slice(1));
}

function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
}

function sha256(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}
