import { isJsonObject } from './json.js';
import { isMiscasedName } from './rules.js';

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

/** Reports whether a location (RFC 6901) is that of a member that {@link withoutNullMembers} removes. */
export function isNullMember(value: unknown, pointer: string): boolean {
  let current = value;
  let name: string | undefined;
  for (const part of pointer.split('/').slice(1)) {
    if (typeof current !== 'object' || current === null) return false;
    name = part.replaceAll('~1', '/').replaceAll('~0', '~');
    const isElement = Array.isArray(current);
    current = Object.hasOwn(current, name) ? (current as Readonly<Record<string, unknown>>)[name] : undefined;
    if (isElement) name = undefined;
  }
  return current === null && name !== undefined && !isKept(name);
}

/** A name in another case is kept, because clients disagree on it even if it is null. */
function isKept(name: string): boolean {
  return REQUIRED_LISTS.has(name) || isMiscasedName(name);
}
