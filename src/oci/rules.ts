import { checkDescriptor, checkDigest } from './descriptor-rules.js';
import type { DocumentKind } from './document-kind.js';
import type { Problem } from './errors.js';
import { checkDuplicatePlatforms } from './index-rules.js';
import { isJsonObject } from './json.js';
import { pointerTo } from './schema-problems.js';

type JsonObject = Readonly<Record<string, unknown>>;

/** The members by which manifests of all kinds, the old schema 1 too, are told apart. */
const TELLING = new Set(['manifests', 'config', 'layers', 'fsLayers', 'history']);
const OF_INDEX = new Set(['manifests']);
const OF_MANIFEST = new Set(['config', 'layers']);
/** Names that decide what a document is, in any spelling that Go's JSON reader takes for them. */
const DECIDING = /^(?:schemaVersion|mediaType|manifests|config|layers|fsLayers|history)$/iu;
const SPELLINGS = new Set([...TELLING, 'schemaVersion', 'mediaType']);

const CHECKS: Readonly<Record<DocumentKind, (value: JsonObject) => Problem[]>> = {
  'image-index': checkIndex,
  'docker-manifest-list': checkIndex,
  'image-manifest': checkManifest,
  'image-config': (value) => checkDiffIds(value['rootfs']),
  descriptor: (value) => checkDescriptor('', value),
  'oci-layout': () => [],
  draft: checkDraft,
  // Its rules need templates of sources, which the room that reads such files knows.
  assembly: () => [],
};

/**
 * The semantic rules: what is wrong with a document although its schema allows it.
 * @param value As read from JSON. What has the wrong type is left to the schema.
 */
export function checkRules(kind: DocumentKind, value: unknown): Problem[] {
  return isJsonObject(value) ? CHECKS[kind](value) : [];
}

function checkIndex(value: JsonObject): Problem[] {
  return [
    ...checkAmbiguity(value, OF_INDEX),
    ...checkDescriptors(['manifests'], value['manifests']),
    ...checkDescriptor('/subject', value['subject']),
    ...checkDuplicatePlatforms(value['manifests']),
  ];
}

function checkManifest(value: JsonObject): Problem[] {
  return [
    ...checkAmbiguity(value, OF_MANIFEST),
    ...checkDescriptor('/config', value['config']),
    ...checkDescriptors(['layers'], value['layers']),
    ...checkDescriptor('/subject', value['subject']),
  ];
}

function checkDraft(value: JsonObject): Problem[] {
  return [
    ...checkEach(['entries'], value['entries'], (pointer, entry) =>
      isJsonObject(entry) ? checkDescriptor(`${pointer}/descriptor`, entry['descriptor']) : [],
    ),
    ...checkDescriptor('/subject', value['subject']),
  ];
}

/**
 * One document that is an index to one client and a manifest to another passes a check of the one and runs as the
 * other (CVE-2021-41190). Go's JSON reader takes `Layers` for `layers`, so other spellings are foreign as well.
 */
function checkAmbiguity(value: JsonObject, own: ReadonlySet<string>): Problem[] {
  return Object.entries(value).flatMap(([name, content]): Problem[] => {
    const pointer = pointerTo(name);
    const rule = 'document/ambiguous';
    if (DECIDING.test(name) && !SPELLINGS.has(name)) {
      return [{ pointer, message: 'differs from a known member by case only: clients disagree on it', rule }];
    }
    // Go writes null for what is not there.
    if (!TELLING.has(name) || own.has(name) || content === null) return [];
    return [
      { pointer, message: 'belongs to another kind of document, so this could be read as either', rule },
    ];
  });
}

function checkDescriptors(path: readonly string[], list: unknown): Problem[] {
  return checkEach(path, list, checkDescriptor);
}

function checkDiffIds(rootfs: unknown): Problem[] {
  if (!isJsonObject(rootfs)) return [];
  return checkEach(['rootfs', 'diff_ids'], rootfs['diff_ids'], checkDigest);
}

function checkEach(
  path: readonly string[],
  list: unknown,
  check: (pointer: string, value: unknown) => Problem[],
): Problem[] {
  if (!Array.isArray(list)) return [];
  return list.flatMap((value, index) => check(pointerTo(...path, index), value));
}
