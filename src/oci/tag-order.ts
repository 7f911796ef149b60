/** How tags are sorted. */
export type TagOrder = 'none' | 'name' | 'semver';

export const TAG_ORDERS = ['none', 'name', 'semver'] as const satisfies TagOrder[];

/** A version in a tag. A missing part counts as 0. Registries do not allow the `+` of build metadata. */
const VERSION = /^v?(\d{1,15})(?:\.(\d{1,15}))?(?:\.(\d{1,15}))?(?:-([0-9A-Za-z.-]+))?(?:\+.*)?$/;

interface Version {
  readonly core: readonly number[];
  /** The identifiers of a pre-release, such as `rc` and `1`. Empty for a release. */
  readonly preRelease: readonly string[];
}

/**
 * Sorts tags. `name`: by the codes of their characters. `semver`: by the precedence of versions (semver.org, section 11),
 * the highest first, with or without `v`, also with fewer than three parts; of equal versions, the one with more parts first.
 * Other tags follow in the given order. `none`: as they are.
 */
export function sortTags(tags: readonly string[], order: TagOrder): readonly string[] {
  if (order === 'none') return tags;
  if (order === 'name') return tags.toSorted(compareText);
  const versions = tags.flatMap((tag) => {
    const version = parseVersion(tag);
    return version === undefined ? [] : [{ tag, version }];
  });
  const sorted = versions.toSorted(
    (a, b) =>
      compareVersions(b.version, a.version) || b.tag.length - a.tag.length || compareText(a.tag, b.tag),
  );
  const found = new Set(sorted.map(({ tag }) => tag));
  return [...sorted.map(({ tag }) => tag), ...tags.filter((tag) => !found.has(tag))];
}

function parseVersion(tag: string): Version | undefined {
  const [whole, major, minor = '0', patch = '0', preRelease] = VERSION.exec(tag) ?? [];
  if (whole === undefined) return undefined;
  return { core: [major, minor, patch].map(Number), preRelease: preRelease?.split('.') ?? [] };
}

function compareVersions(a: Version, b: Version): number {
  for (const [part, number] of a.core.entries()) {
    const difference = number - (b.core[part] ?? 0);
    if (difference !== 0) return difference;
  }
  if (a.preRelease.length === 0 || b.preRelease.length === 0) {
    return b.preRelease.length - a.preRelease.length;
  }
  for (const [position, identifier] of a.preRelease.entries()) {
    const other = b.preRelease[position];
    if (other === undefined) return 1;
    const difference = compareIdentifiers(identifier, other);
    if (difference !== 0) return difference;
  }
  return a.preRelease.length - b.preRelease.length;
}

/** Numbers by their value, and before texts. */
function compareIdentifiers(a: string, b: string): number {
  const [isNumber, isOtherNumber] = [a, b].map((text) => /^\d+$/.test(text));
  if (isNumber === true && isOtherNumber === true) return Number(a) - Number(b);
  if (isNumber !== isOtherNumber) return isNumber === true ? -1 : 1;
  return compareText(a, b);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
