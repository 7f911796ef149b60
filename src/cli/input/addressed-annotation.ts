import type { EntryAnnotations } from '../../client/create-options.js';
import type { Annotations } from '../../oci/descriptor.js';
import { ArgumentError } from '../../oci/errors.js';
import { parsePlatform, platformKey, type Platform } from '../../oci/platform.js';

/** The values of `--annotation` by target. */
export interface AnnotationTargets {
  readonly index: Annotations;
  /** One for each platform. The one for all images comes first, so that those of a platform override it. */
  readonly manifests: readonly EntryAnnotations[];
}

/** A prefix that names a target. A key that starts like one needs an explicit target before it. */
const TARGET = /^((?:index|manifest)[^:=[]*)(?:\[([^\]]*)\]([^:=]*))?:/is;
const HINT =
  'Write [index:|manifest:|manifest[OS/ARCH]:]KEY=VALUE. A key that starts like a target needs index: or manifest: before it.';

/** Reports whether a value of `--annotation` names its target. */
export function hasTarget(text: string): boolean {
  return TARGET.test(text);
}

/**
 * Parses the values of `--annotation`: `[index:|manifest[PLATFORM]:|manifest:]KEY=VALUE`, where the default target is the
 * index. The key ends at the first `=` and may contain colons. The value is the rest, including commas and line feeds,
 * and may be empty.
 *
 * @throws ArgumentError; also for two values of one key of a target, of which one would be dropped
 */
export function parseAnnotationTargets(texts: readonly string[]): AnnotationTargets {
  const index = new Map<string, string>();
  const forAll = new Map<string, string>();
  const byPlatform = new Map<string, { readonly platform: Platform; readonly pairs: Map<string, string> }>();
  for (const { target, platform, key, value } of texts.map(parseAnnotation)) {
    if (platform === undefined) addPair(target === 'index' ? index : forAll, key, value);
    else {
      const name = platformKey(platform);
      const known = byPlatform.get(name) ?? { platform, pairs: new Map<string, string>() };
      addPair(known.pairs, key, value);
      byPlatform.set(name, known);
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

/** @throws ArgumentError if the key has another value */
function addPair(pairs: Map<string, string>, key: string, value: string): void {
  const first = pairs.get(key) ?? value;
  if (first !== value) {
    throw new ArgumentError(
      `the annotation ${key} is given twice, with different values: ${JSON.stringify(first)} and ${JSON.stringify(value)}`,
      { hint: 'Give it once for each target.' },
    );
  }
  pairs.set(key, value);
}

interface TargetedAnnotation {
  readonly target: 'index' | 'manifest';
  readonly platform?: Platform;
  readonly key: string;
  readonly value: string;
}

function parseAnnotation(text: string): TargetedAnnotation {
  const match = TARGET.exec(text);
  if (match === null) {
    if (/^manifest\[/i.test(text)) throw invalid(text, 'the target does not end with "]:"');
    return { target: 'index', ...parsePair(text, text) };
  }
  const [prefix, target = '', platformText, trailer = ''] = match;
  if ((target !== 'index' && target !== 'manifest') || trailer !== '') {
    throw invalid(text, `${JSON.stringify(prefix.slice(0, -1))} is not a target of annotations`);
  }
  const pair = parsePair(text.slice(prefix.length), text);
  if (platformText === undefined) return { target, ...pair };
  if (target === 'index') throw invalid(text, 'the index itself has no platform');
  return { target, platform: parsePlatform(platformText), ...pair };
}

function parsePair(pair: string, text: string): { readonly key: string; readonly value: string } {
  const equals = pair.indexOf('=');
  if (equals < 0) throw invalid(text, 'missing "="');
  const key = pair.slice(0, equals);
  if (key === '') throw invalid(text, 'the key is empty');
  if (/[\s\p{Cc}]/u.test(key)) throw invalid(text, 'the key contains white space');
  return { key, value: pair.slice(equals + 1) };
}

function invalid(text: string, problem: string): ArgumentError {
  const shown = text.length > 100 ? `${text.slice(0, 100)}…` : text;
  return new ArgumentError(`invalid annotation ${JSON.stringify(shown)}: ${problem}`, { hint: HINT });
}
