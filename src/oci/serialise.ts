import type { Annotations, Descriptor } from './descriptor.js';
import { digestOf } from './digest.js';
import { type IndexDocument, MAX_MANIFEST_PUSH } from './document.js';
import { InvalidError } from './errors.js';
import type { ImageIndex } from './image-index.js';
import { OCI_INDEX } from './media-type.js';
import type { Platform } from './platform.js';

/** JSON with its members in order: an object of JavaScript would move names such as "10" to the front. */
type Json = string | number | readonly Json[] | ReadonlyMap<string, Json>;
type Members = readonly (readonly [string, Json | undefined])[];

const INDENT = '   ';

/**
 * An index as the document that is pushed, with its exact bytes and their digest. Equal indexes give equal bytes
 * everywhere, and those that `docker manifest push` sends for the same entries.
 * @throws InvalidError when it is larger than registries take
 */
export function createIndexDocument(index: ImageIndex): IndexDocument {
  const mediaType = index.mediaType ?? OCI_INDEX;
  const bytes = serialiseIndex(index);
  if (bytes.length > MAX_MANIFEST_PUSH) {
    throw new InvalidError(
      `the image index is ${bytes.length} bytes long; registries take ${MAX_MANIFEST_PUSH} at most`,
      { hint: 'Remove entries or annotations.' },
    );
  }
  return { kind: 'index', bytes, mediaType, digest: digestOf(bytes), value: { ...index, mediaType } };
}

/**
 * The exact bytes of an index, in docker's form: three spaces, no newline at the end, members in a fixed order,
 * annotations sorted by name, and nothing that is empty but `manifests`. What docker does not know follows what it
 * knows: in the index `annotations`, `artifactType`, `subject`; in a descriptor `urls`, `annotations`, `data`,
 * `artifactType`.
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

/** Sorted by the bytes of their names, as Go sorts: JavaScript's own order differs beyond U+FFFF. */
function annotationsJson(annotations: Annotations = {}): Json {
  return new Map(
    Object.entries(annotations)
      .map(([name, text]) => ({ name, text, bytes: Buffer.from(name) }))
      .sort((a, b) => Buffer.compare(a.bytes, b.bytes))
      .map(({ name, text }) => [name, text]),
  );
}

/** An object without its empty members. `manifests` alone stands even where it is empty. */
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

/** A string as Go writes it: safe within HTML, and half a surrogate pair becomes U+FFFD. */
function quote(text: string): string {
  return JSON.stringify(text.replaceAll(/\p{Surrogate}/gu, '\uFFFD')).replaceAll(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
