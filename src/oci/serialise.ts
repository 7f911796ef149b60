import type { Annotations, Descriptor } from './descriptor.js';
import { digestOf } from './digest.js';
import { type IndexDocument, MAX_MANIFEST_PULL, MAX_MANIFEST_PUSH } from './document.js';
import { InvalidError } from './errors.js';
import type { ImageIndex } from './image-index.js';
import { OCI_INDEX } from './media-type.js';
import type { Platform } from './platform.js';

/** JSON with ordered members: a JavaScript object would move names such as "10" to the front. */
type Json = string | number | readonly Json[] | ReadonlyMap<string, Json>;
type Members = readonly (readonly [string, Json | undefined])[];

const INDENT = '   ';

/**
 * Creates the document to push for an index, with its exact bytes and their digest. Equal indexes give equal bytes on
 * every machine, the same as `docker manifest push` sends for the same entries.
 * @throws InvalidError if it is larger than registries accept
 */
export function createIndexDocument(index: ImageIndex): IndexDocument {
  const document = createUncheckedIndexDocument(index);
  const problem = indexSizeProblem(document.bytes);
  if (problem === undefined) return document;
  throw new InvalidError(problem, { hint: 'Remove entries or annotations.' });
}

/** As {@link createIndexDocument}, also for an index that is too large to be published. */
export function createUncheckedIndexDocument(index: ImageIndex): IndexDocument {
  const mediaType = index.mediaType ?? OCI_INDEX;
  const bytes = serialiseIndex(index);
  return { kind: 'index', bytes, mediaType, digest: digestOf(bytes), value: { ...index, mediaType } };
}

/**
 * Returns the message for the bytes of an index that is too large to be published; `undefined` for others. Registries accept
 * less than can be read from an image layout.
 */
export function indexSizeProblem({ length }: Uint8Array, isForLayout = false): string | undefined {
  const limit = isForLayout ? MAX_MANIFEST_PULL : MAX_MANIFEST_PUSH;
  if (length <= limit) return undefined;
  const reason = isForLayout ? 'the limit for image layouts is' : 'registries accept at most';
  return `the image index is ${length} bytes long; ${reason} ${limit}`;
}

/**
 * Serialises an index in docker's form: indented by three spaces, no newline at the end, members in a fixed order,
 * annotations sorted by name, no empty members except `manifests`. Members that docker does not write come last: in
 * the index `annotations`, `artifactType`, `subject`; in a descriptor `urls`, `annotations`, `data`, `artifactType`.
 */
export function serialiseIndex(index: ImageIndex): Uint8Array {
  const json = object([
    ['schemaVersion', index.schemaVersion],
    ['mediaType', index.mediaType ?? OCI_INDEX],
    ['manifests', index.manifests.map(descriptorJson)],
    ['annotations', annotationsJson(index.annotations)],
    ['artifactType', index.artifactType],
    ['subject', index.subject && descriptorJson(index.subject)],
  ]);
  return new TextEncoder().encode(write(json, '\n'));
}

function descriptorJson(descriptor: Descriptor): Json {
  return object([
    ['mediaType', descriptor.mediaType],
    ['size', descriptor.size],
    ['digest', descriptor.digest],
    ['platform', descriptor.platform && platformJson(descriptor.platform)],
    ['urls', descriptor.urls],
    ['annotations', annotationsJson(descriptor.annotations)],
    ['data', descriptor.data],
    ['artifactType', descriptor.artifactType],
  ]);
}

function platformJson(platform: Platform): Json {
  return object([
    ['architecture', platform.architecture],
    ['os', platform.os],
    ['os.version', platform['os.version']],
    ['os.features', platform['os.features']],
    ['variant', platform.variant],
    ['features', platform.features],
  ]);
}

/** Sorts by the bytes of the names, as Go does: JavaScript's order differs for characters above U+FFFF. */
function annotationsJson(annotations: Annotations = {}): Json {
  return new Map(
    Object.entries(annotations)
      .map(([name, text]) => ({ name, text, bytes: Buffer.from(name) }))
      .sort((a, b) => Buffer.compare(a.bytes, b.bytes))
      .map(({ name, text }) => [name, text]),
  );
}

/** An object without its empty members, except `manifests`. */
function object(members: Members): Json {
  return new Map(
    members.flatMap(([name, value]) =>
      value === undefined || (isEmpty(value) && name !== 'manifests') ? [] : [[name, value] as const],
    ),
  );
}

function isEmpty(value: Json): boolean {
  if (typeof value === 'number') return false;
  return (value instanceof Map ? value.size : (value as string | readonly Json[]).length) === 0;
}

function write(value: Json, newline: string): string {
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string') return quote(value);
  const inner = newline + INDENT;
  if (value instanceof Map) {
    const members = Array.from(
      value,
      ([name, member]: [string, Json]) => `${quote(name)}: ${write(member, inner)}`,
    );
    return members.length === 0 ? '{}' : `{${inner}${members.join(`,${inner}`)}${newline}}`;
  }
  const elements = (value as readonly Json[]).map((element) => write(element, inner));
  return elements.length === 0 ? '[]' : `[${inner}${elements.join(`,${inner}`)}${newline}]`;
}

/** Digests, media types, platforms and the names of annotations: nothing in them is escaped. */
const PLAIN = /^[\w .:/+@,=-]*$/;

/** Quotes a string as Go does: escaped for HTML, with a lone surrogate replaced by U+FFFD. */
function quote(text: string): string {
  if (PLAIN.test(text)) return `"${text}"`;
  return JSON.stringify(text.replaceAll(/\p{Surrogate}/gu, '\uFFFD')).replaceAll(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
