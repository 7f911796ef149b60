import type { EntryAnnotations } from '../../client/create.js';
import type { Annotations } from '../../oci/descriptor.js';
import { ArgumentError } from '../../oci/errors.js';
import { parsePlatform, platformKey, type Platform } from '../../oci/platform.js';

/** What `--annotation` said, by what it is about. */
export interface AnnotationTargets {
  readonly index: Annotations;
  /** One for each platform. The one for all images comes first, so that those for a platform go over it. */
  readonly manifests: readonly EntryAnnotations[];
}

/** What reads like an address. A key that begins in the same way needs a real address before it. */
const ADDRESS = /^((?:index|manifest)[^:=[]*)(?:\[([^\]]*)\]([^:=]*))?:/is;
const HINT =
  'Write [index:|manifest:|manifest[OS/ARCH]:]KEY=VALUE; a key that itself begins like that needs index: or manifest: before it.';

/** Whether the value of an `--annotation` says which part of the index it is about. */
export function isAddressed(word: string): boolean {
  return ADDRESS.test(word);
}

/**
 * Reads the values of `--annotation`: `[index:|manifest[PLATFORM]:|manifest:]KEY=VALUE`, about the index where nothing
 * else is said. The key ends at the first `=` and may hold colons; the value is all the rest, commas and new lines
 * too, and may be empty. Of one key for one place the last value counts.
 *
 * @throws ArgumentError
 */
export function parseAnnotationTargets(words: readonly string[]): AnnotationTargets {
  const index = new Map<string, string>();
  const forAll = new Map<string, string>();
  const byPlatform = new Map<string, { readonly platform: Platform; readonly pairs: Map<string, string> }>();
  for (const word of words) {
    const { place, platform, key, value } = parseAddressed(word);
    if (platform !== undefined) {
      const name = platformKey(platform);
      const known = byPlatform.get(name) ?? { platform, pairs: new Map<string, string>() };
      byPlatform.set(name, known);
      known.pairs.set(key, value);
    } else {
      (place === 'index' ? index : forAll).set(key, value);
    }
  }
  return {
    index: Object.fromEntries(index),
    manifests: [
      ...(forAll.size > 0 ? [{ annotations: Object.fromEntries(forAll) }] : []),
      ...Array.from(byPlatform.values(), ({ platform, pairs }) => ({
        platform,
        annotations: Object.fromEntries(pairs),
      })),
    ],
  };
}

interface AddressedAnnotation {
  readonly place: 'index' | 'manifest';
  readonly platform?: Platform;
  readonly key: string;
  readonly value: string;
}

function parseAddressed(word: string): AddressedAnnotation {
  const match = ADDRESS.exec(word);
  if (match === null) {
    if (/^manifest\[/i.test(word)) throw invalid(word, 'the address does not end with "]:"');
    return { place: 'index', ...parsePair(word, word) };
  }
  const [address, place = '', platformText, trailer = ''] = match;
  if ((place !== 'index' && place !== 'manifest') || trailer !== '') {
    throw invalid(word, `${JSON.stringify(address.slice(0, -1))} is not a place for annotations`);
  }
  const pair = parsePair(word.slice(address.length), word);
  if (platformText === undefined) return { place, ...pair };
  if (place === 'index') throw invalid(word, 'the index itself has no platform');
  return { place, platform: parsePlatform(platformText), ...pair };
}

function parsePair(text: string, word: string): { readonly key: string; readonly value: string } {
  const equals = text.indexOf('=');
  if (equals < 0) throw invalid(word, 'it has no "="');
  const key = text.slice(0, equals);
  if (key === '') throw invalid(word, 'the key is empty');
  if (/[\s\p{Cc}]/u.test(key)) throw invalid(word, 'the key has white space in it');
  return { key, value: text.slice(equals + 1) };
}

function invalid(word: string, problem: string): ArgumentError {
  const shown = word.length > 100 ? `${word.slice(0, 100)}…` : word;
  return new ArgumentError(`invalid annotation ${JSON.stringify(shown)}: ${problem}`, { hint: HINT });
}
