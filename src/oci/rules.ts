import { checkDescriptor, checkDigest } from './descriptor-rules.js';
import type { DocumentKind } from './document-kind.js';
import type { Problem } from './errors.js';
import { checkVariant } from './index-rules.js';
import { isJsonObject } from './json.js';
import { pointerTo } from './schema-problems.js';

type JsonObject = Readonly<Record<string, unknown>>;

/** The members that only one kind of manifest has, including those of Docker schema 1. */
const KIND_MEMBERS = new Set(['manifests', 'config', 'layers', 'fsLayers', 'history']);
const INDEX_MEMBERS = new Set(['manifests']);
const MANIFEST_MEMBERS = new Set(['config', 'layers']);
/** The names that determine the kind of a document, in any case: Go's JSON decoder ignores case. */
const ANY_CASE = /^(?:schemaVersion|mediaType|manifests|config|layers|fsLayers|history)$/iu;
const EXACT_NAMES = new Set([...KIND_MEMBERS, 'schemaVersion', 'mediaType']);

const CHECKS: Readonly<Record<DocumentKind, (value: JsonObject) => Problem[]>> = {
  'image-index': checkIndex,
  'docker-manifest-list': checkIndex,
  'image-manifest': checkManifest,
  'image-config': checkConfig,
  descriptor: (value) => [...checkDescriptor('', value), ...checkVariant('/platform', value)],
  'oci-layout': () => [],
  draft: checkDraft,
  // The rules for assembly files need source templates and are in `assemble`.
  assembly: () => [],
};

/**
 * Checks the semantic rules, which a schema cannot express.
 * @param value parsed JSON; wrong types are left to the schema
 */
export function checkRules(kind: DocumentKind, value: unknown): Problem[] {
  return isJsonObject(value) ? CHECKS[kind](value) : [];
}

function checkIndex(value: JsonObject): Problem[] {
  return [
    ...checkAmbiguity(value, INDEX_MEMBERS),
    ...checkEach('/manifests', value['manifests'], checkDescriptor),
    ...checkDescriptor('/subject', value['subject']),
    ...checkEach('/manifests', value['manifests'], (pointer, entry) =>
      checkVariant(`${pointer}/platform`, entry),
    ),
  ];
}

function checkManifest(value: JsonObject): Problem[] {
  return [
    ...checkAmbiguity(value, MANIFEST_MEMBERS),
    ...checkDescriptor('/config', value['config']),
    ...checkEach('/layers', value['layers'], checkDescriptor),
    ...checkDescriptor('/subject', value['subject']),
  ];
}

function checkConfig({ rootfs }: JsonObject): Problem[] {
  return isJsonObject(rootfs) ? checkEach('/rootfs/diff_ids', rootfs['diff_ids'], checkDigest) : [];
}

function checkDraft(value: JsonObject): Problem[] {
  return [
    ...checkEach('/entries', value['entries'], (pointer, entry) =>
      isJsonObject(entry) ? checkDescriptor(`${pointer}/descriptor`, entry['descriptor']) : [],
    ),
    ...checkDescriptor('/subject', value['subject']),
  ];
}

/**
 * Rejects documents that one client reads as an index and another as a manifest (CVE-2021-41190). Go's JSON decoder
 * accepts `Layers` for `layers`, so names in another case are rejected too.
 */
function checkAmbiguity(value: JsonObject, own: ReadonlySet<string>): Problem[] {
  return Object.entries(value).flatMap(([name, content]): Problem[] => {
    const pointer = pointerTo(name);
    const rule = 'document/ambiguous';
    if (isMiscasedName(name)) {
      return [{ pointer, message: 'differs from a known member only in case: clients disagree on it', rule }];
    }
    // Go writes null for an absent member.
    if (!KIND_MEMBERS.has(name) || own.has(name) || content === null) return [];
    return [{ pointer, message: 'belongs to another kind of document: the document is ambiguous', rule }];
  });
}

/** Reports whether a name differs from a member that determines the kind of a document only in case: `Layers`. */
export function isMiscasedName(name: string): boolean {
  return ANY_CASE.test(name) && !EXACT_NAMES.has(name);
}

function checkEach(
  path: string,
  list: unknown,
  check: (pointer: string, value: unknown) => Problem[],
): Problem[] {
  if (!Array.isArray(list)) return [];
  return list.flatMap((value, index) => check(`${path}/${index}`, value));
}
