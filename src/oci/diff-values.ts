import { isDeepStrictEqual } from 'node:util';

import { type Annotations, type Descriptor } from './descriptor.js';
import type { ImageIndex } from './image-index.js';
import { REFERENCE_DIGEST, isAttestation } from './attestation.js';

/** A value on both sides. A side without the value is absent. */
export interface ValueChange<T> {
  readonly before?: T;
  readonly after?: T;
}

/** Annotations that differ, by key. */
export type AnnotationChanges = Readonly<Record<string, ValueChange<string>>>;

/** The members that differ, each with both values. */
export type Changes<T> = { readonly [Name in keyof T]?: ValueChange<NonNullable<T[Name]>> };

/** The differences between two descriptors. Includes a `platform` that differs only in spelling. */
export type DescriptorChanges = Changes<Omit<Descriptor, 'annotations'>> & {
  readonly annotations?: AnnotationChanges;
};

/** The differences between two indexes apart from their entries. */
export type IndexFieldChanges = Changes<Pick<ImageIndex, 'mediaType' | 'artifactType' | 'subject'>> & {
  readonly annotations?: AnnotationChanges;
};

const INDEX_MEMBERS = ['mediaType', 'artifactType', 'subject'] as const;
const DESCRIPTOR_MEMBERS = [
  'digest',
  'size',
  'mediaType',
  'platform',
  'artifactType',
  'urls',
  'data',
] as const satisfies readonly Exclude<keyof Descriptor, 'annotations'>[];

/** Compares the members of two indexes; `undefined` for an image, which has none of them. */
export function indexChanges(
  before: ImageIndex | undefined,
  after: ImageIndex | undefined,
): IndexFieldChanges {
  return {
    ...fieldChanges(INDEX_MEMBERS, before ?? {}, after ?? {}),
    ...annotationsPart(before?.annotations, after?.annotations),
  };
}

/** Compares two descriptors. For a different attestation, the digest of its image is no change of its own. */
export function descriptorChanges(before: Descriptor, after: Descriptor): DescriptorChanges {
  const isOther = isAttestation(after) && before.digest !== after.digest;
  return {
    ...fieldChanges(DESCRIPTOR_MEMBERS, before, after),
    ...annotationsPart(before.annotations, after.annotations, isOther ? [REFERENCE_DIGEST] : []),
  };
}

/** Returns both sides of a value. */
export function changeOf<T>(before: T | undefined, after: T | undefined): ValueChange<T> {
  return { ...(before !== undefined && { before }), ...(after !== undefined && { after }) };
}

function fieldChanges<T, Name extends keyof T>(
  names: readonly Name[],
  before: Partial<T>,
  after: Partial<T>,
): Changes<Pick<T, Name>> {
  const changed = names.filter((name) => !isDeepStrictEqual(before[name], after[name]));
  // Object.fromEntries loses the names of T.
  return Object.fromEntries(changed.map((name) => [name, changeOf(before[name], after[name])])) as Changes<
    Pick<T, Name>
  >;
}

function annotationsPart(
  before: Annotations = {},
  after: Annotations = {},
  ignored: readonly string[] = [],
): { readonly annotations?: AnnotationChanges } {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    (key) => valueOf(before, key) !== valueOf(after, key) && !ignored.includes(key),
  );
  if (keys.length === 0) return {};
  const changes = keys.map((key) => [key, changeOf(valueOf(before, key), valueOf(after, key))] as const);
  return { annotations: Object.fromEntries(changes) };
}

/** Reads an own property only: an annotation can be called `constructor`. */
function valueOf(annotations: Annotations, key: string): string | undefined {
  return Object.hasOwn(annotations, key) ? annotations[key] : undefined;
}
