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

/** The text before the first colon of a key, if it may name targets: names, and platforms in brackets. */
const BEFORE_KEY = /^(([^:=[]*)(?:\[[^\]]*\][^:=]*)?):/s;
/** The names of targets, in a list. A key that starts like one needs a target before it. */
const LISTED_TARGET = /^(?:index|manifest)|.,(?:index|manifest)/is;
const TARGET = /^([^[]*)(?:\[([^\]]*)\](.*))?$/s;
const HINT =
  'Write [index:|manifest:|manifest[OS/ARCH]:]KEY=VALUE. A key that starts like a target needs index: or manifest: before it.';

/** Reports whether a value of `--annotation` names its target. */
export function hasTarget(text: string): boolean {
  return targetsOf(text) !== undefined;
}

/**
 * Parses the values of `--annotation`: `[TARGET[,TARGET…]:]KEY=VALUE`, where the default target is the index. The targets
 * are `index`, `manifest` for all images and `manifest[PLATFORM]`, and as in buildx `manifest-descriptor` for all entries
 * and `manifest-descriptor[PLATFORM]`. The key ends at the first `=` and may contain colons. The value is the rest,
 * including commas and line feeds, and may be empty.
 *
 * @throws ArgumentError; also for two values of one key of a target, of which one would be dropped
 */
export function parseAnnotationTargets(texts: readonly string[]): AnnotationTargets {
  // What applies to all images comes before what applies to those of one platform.
  const index: AnnotationGroup = { pairs: new Map() };
  const groups = new Map<string, AnnotationGroup>([
    ['index', index],
    ['manifest-descriptor', { attestations: true, pairs: new Map() }],
    ['manifest', { pairs: new Map() }],
  ]);
  for (const { target, platform, key, value } of texts.flatMap(parseAnnotation)) {
    const name = platform === undefined ? target : platformKey(platform);
    const group = groups.get(name) ?? { ...(platform !== undefined && { platform }), pairs: new Map() };
    addPair(group.pairs, key, value);
    groups.set(name, group);
  }
  return {
    index: Object.fromEntries(index.pairs),
    manifests: [...groups.values()]
      .filter((group) => group !== index && group.pairs.size > 0)
      .map(({ pairs, ...selection }) => ({ ...selection, annotations: Object.fromEntries(pairs) })),
  };
}

/** The annotations of a target: the index, all images or those of one platform. */
interface AnnotationGroup extends Omit<EntryAnnotations, 'annotations'> {
  readonly pairs: Map<string, string>;
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
  readonly target: 'index' | 'manifest' | 'manifest-descriptor';
  readonly platform?: Platform;
  readonly key: string;
  readonly value: string;
}

function parseAnnotation(text: string): readonly TargetedAnnotation[] {
  const names = targetsOf(text);
  if (names === undefined) {
    if (/^manifest\[/i.test(text)) throw invalid(text, 'the target does not end with "]:"');
    return [{ target: 'index', ...parsePair(text, text) }];
  }
  const pair = parsePair(text.slice(names.length + 1), text);
  return splitTargets(names).map((name) => ({ ...parseTarget(name, text), ...pair }));
}

/** The targets that a value names, with their platforms; `undefined` if it names none. */
function targetsOf(text: string): string | undefined {
  const [, targets, names = ''] = BEFORE_KEY.exec(text) ?? [];
  return LISTED_TARGET.test(names) ? targets : undefined;
}

/** Splits at the commas outside of brackets: those inside belong to a platform. */
function splitTargets(names: string): string[] {
  const parts: string[] = [];
  let isInside = false;
  let end = names.length;
  for (let at = names.length - 1; at >= 0; at -= 1) {
    const character = names[at];
    if (character === ']' || character === '[') isInside = character === ']';
    if (character !== ',' || isInside) continue;
    parts.push(names.slice(at + 1, end));
    end = at;
  }
  return [...parts, names.slice(0, end)].toReversed();
}

function parseTarget(name: string, text: string): Pick<TargetedAnnotation, 'target' | 'platform'> {
  const [, target = '', platform, trailer = ''] = TARGET.exec(name) ?? [];
  if ((target !== 'index' && target !== 'manifest' && target !== 'manifest-descriptor') || trailer !== '') {
    const why = target === 'index-descriptor' ? ': an index in a registry has no descriptor' : '';
    throw invalid(text, `${JSON.stringify(name)} is not a target of annotations${why}`);
  }
  if (platform === undefined) return { target };
  if (target === 'index') throw invalid(text, 'the index itself has no platform');
  return { target, platform: parsePlatform(platform) };
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
