import { isDeepStrictEqual } from 'node:util';

import { type Annotations, type Descriptor } from './descriptor.js';
import type { ImageIndex } from './image-index.js';
import { REFERENCE_DIGEST, isAttestation } from './attestation.js';

/** A value on both sides. Absent where that side does not have it. */
export interface ValueChange<T> {
  readonly before?: T;
  readonly after?: T;
}

/** Annotations that differ, by key. */
type AnnotationChanges = Readonly<Record<string, ValueChange<string>>>;

type Changes<T> = { readonly [Name in keyof T]?: ValueChange<NonNullable<T[Name]>> };

/** What differs between two descriptors. `platform` is there where only its spelling differs, too. */
export type DescriptorChanges = Changes<Omit<Descriptor, 'annotations'>> & {
  readonly annotations?: AnnotationChanges;
};

/** What differs in what two indexes say of themselves. */
export type IndexChanges = Changes<Pick<ImageIndex, 'mediaType' | 'artifactType' | 'subject'>> & {
  readonly annotations?: AnnotationChanges;
};

const OF_INDEX = ['mediaType', 'artifactType', 'subject'] as const;
const OF_DESCRIPTOR = [
  'digest',
  'size',
  'mediaType',
  'platform',
  'artifactType',
  'urls',
  'data',
] as const satisfies readonly Exclude<keyof Descriptor, 'annotations'>[];

/** @param before `undefined` for what is no index, and so says nothing of this */
export function indexChanges(before: ImageIndex | undefined, after: ImageIndex | undefined): IndexChanges {
  return {
    ...fieldChanges(OF_INDEX, before ?? {}, after ?? {}),
    ...annotationsPart(before?.annotations, after?.annotations),
  };
}

/** That a statement is about another digest follows where it is another statement, and is not said again. */
export function descriptorChanges(before: Descriptor, after: Descriptor): DescriptorChanges {
  const isOther = isAttestation(after) && before.digest !== after.digest;
  return {
    ...fieldChanges(OF_DESCRIPTOR, before, after),
    ...annotationsPart(before.annotations, after.annotations, isOther ? [REFERENCE_DIGEST] : []),
  };
}

/** Both sides of a value that differs. */
export function changeOf<T>(before: T | undefined, after: T | undefined): ValueChange<T> {
  return { ...(before !== undefined && { before }), ...(after !== undefined && { after }) };
}

function fieldChanges<T, Name extends keyof T>(
  names: readonly Name[],
  before: Partial<T>,
  after: Partial<T>,
): Changes<Pick<T, Name>> {
  const changed = names.filter((name) => !isDeepStrictEqual(before[name], after[name]));
  // The members are those of T, which Object.fromEntries cannot say.
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

/** An annotation may be called as what every object has. */
function valueOf(annotations: Annotations, key: string): string | undefined {
  return Object.hasOwn(annotations, key) ? annotations[key] : undefined;
}
