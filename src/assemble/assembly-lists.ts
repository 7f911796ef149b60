import type { Problem } from '../oci/errors.js';
import {
  formatImageLocation,
  isTagIn,
  isTargetLocation,
  nameIn,
  withTag,
  type ImageLocation,
} from '../oci/image-location.js';
import { isJsonObject } from '../oci/json.js';
import { parseTag } from '../oci/reference.js';
import { checkList, checkLocation } from './assembly-rules.js';

/** The members of a list. They are at the top of a file with one list. */
const LIST_MEMBERS = ['target', 'tags', 'format', 'annotations', 'attestations', 'require', 'images'];

/**
 * Checks the rules for an assembly file that its schema cannot express: references, platforms, templates, duplicate images,
 * and lists with the same name or tag.
 * @param value the parsed file; wrong types are left to the schema
 */
export function checkAssembly(value: unknown): Problem[] {
  if (!isJsonObject(value)) return [];
  if (!('lists' in value)) return checkList('', value);
  const lists = arrayOf(value['lists']);
  const misplaced = LIST_MEMBERS.filter((name) => name in value).map((name) => ({
    pointer: `/${name}`,
    message: 'is a member of one list: move it into each of "lists"',
    rule: 'lists/member',
  }));
  return [
    ...misplaced,
    ...lists.flatMap((list, index) => (isJsonObject(list) ? checkList(`/lists/${index}`, list) : [])),
    ...checkDuplicateTags(lists),
  ];
}

/** Checks that no two lists have the same name or tag: one of them would be lost. */
function checkDuplicateTags(lists: readonly unknown[]): Problem[] {
  const owners = new Map<string, { readonly list: number; readonly pointer: string }>();
  const problems: Problem[] = [];
  for (const [list, value] of lists.entries()) {
    for (const { pointer, name } of isJsonObject(value) ? tagNames(`/lists/${list}`, value) : []) {
      const owner = owners.get(name);
      if (owner === undefined) owners.set(name, { list, pointer });
      else if (owner.list !== list) {
        problems.push({ pointer, message: `is ${name}, as is ${owner.pointer}`, rule: 'tag/duplicate' });
      }
    }
  }
  return problems;
}

/** The valid names that a list is published under, in full, each with its location. */
function tagNames(
  base: string,
  { target, tags }: Readonly<Record<string, unknown>>,
): { readonly pointer: string; readonly name: string }[] {
  const { location } = checkLocation(`${base}/target`, target);
  if (location === undefined || !isTargetLocation(location)) return [];
  const own = taggedName(location);
  const further = arrayOf(tags).flatMap((tag, index) => {
    const pointer = `${base}/tags/${index}`;
    if (typeof tag !== 'string') return [];
    if (isTagIn(tag, location)) return [{ pointer, name: formatImageLocation(withTag(location, tag)) }];
    const { location: other } = checkLocation(pointer, tag);
    return other === undefined ? [] : [{ pointer, name: taggedName(other) }];
  });
  return [{ pointer: `${base}/target`, name: own }, ...further];
}

/** The full name of a target. A layout without a tag gets the tag `latest`. */
function taggedName(location: ImageLocation): string {
  if (!isTargetLocation(location)) return formatImageLocation(location);
  const { tag, digest } = nameIn(location);
  return formatImageLocation(
    tag === undefined && digest === undefined ? withTag(location, parseTag('latest')) : location,
  );
}

function arrayOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
