import { isJsonObject } from './json.js';
import { isMiscasedName } from './rules.js';
import { pointerTo } from './schema-problems.js';

/** Required lists, in which Go writes null for an empty list. */
const REQUIRED_LISTS = new Set(['manifests', 'layers', 'diff_ids']);

/**
 * Returns parsed JSON without the members that are null: Go's decoder, and so every Go client, reads them as absent. Moby
 * writes them for empty values. Elements of lists are kept. The result is never serialised.
 */
export function withoutNullMembers(value: unknown): unknown {
  if (Array.isArray(value)) {
    const elements = value.map(withoutNullMembers);
    return elements.every((element, index) => element === value[index]) ? value : elements;
  }
  if (!isJsonObject(value)) return value;
  const members = Object.entries(value);
  const kept = members.flatMap(([name, member]) =>
    member === null && !isKept(name) ? [] : [[name, withoutNullMembers(member)] as const],
  );
  const isSame =
    kept.length === members.length && kept.every(([, member], index) => member === members[index]?.[1]);
  return isSame ? value : Object.fromEntries(kept);
}

/** Returns the locations (RFC 6901) of the members that {@link withoutNullMembers} removes. */
export function nullMembers(value: unknown, path: readonly (string | number)[] = []): string[] {
  if (Array.isArray(value)) return value.flatMap((element, index) => nullMembers(element, [...path, index]));
  if (!isJsonObject(value)) return [];
  return Object.entries(value).flatMap(([name, member]) => {
    if (member !== null) return nullMembers(member, [...path, name]);
    return isKept(name) ? [] : [pointerTo(...path, name)];
  });
}

/** A name in another case is kept, because clients disagree on it even if it is null. */
function isKept(name: string): boolean {
  return REQUIRED_LISTS.has(name) || isMiscasedName(name);
}
