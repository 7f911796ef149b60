import { isDeepStrictEqual } from 'node:util';

import type { Annotations } from '../oci/descriptor.js';
import { ArgumentError } from '../oci/errors.js';
import type { Assembly } from './assembly.js';

/** An assembly, and the name of its file in messages. */
export interface NamedAssembly {
  readonly name: string;
  readonly assembly: Assembly;
}

/** The settings that have one value, and their names in messages. */
const SETTINGS = {
  target: 'targets',
  format: 'formats',
  artifactType: 'artifact types',
  subject: 'subjects',
  attestations: 'settings for attestations',
} as const satisfies Partial<Record<keyof Assembly, string>>;

type Setting = keyof typeof SETTINGS;

/** The settings that take precedence over those of the files. */
export type GivenSettings = {
  readonly [Name in Setting | 'annotations']?: Assembly[Name] | undefined;
};

/**
 * Merges assemblies: their images, tags and required platforms in the order given. Of any other setting, all files that
 * have it must have the same value.
 *
 * @param given the files may differ in these settings
 * @throws ArgumentError for files that contradict each other
 */
export function mergeAssemblies(files: readonly NamedAssembly[], given: GivenSettings = {}): Assembly {
  const settings = Object.entries(SETTINGS).map(([name, noun]) => {
    const setting = name as Setting;
    const values = files.map((file) => ({ name: file.name, value: file.assembly[setting] }));
    return [setting, given[setting] ?? onlyValue(values, `different ${noun}`)] as const;
  });
  const annotations = mergeAnnotations(files, given.annotations ?? {});
  return {
    ...(Object.fromEntries(settings.filter(([, value]) => value !== undefined)) as Pick<Assembly, Setting>),
    ...(Object.keys(annotations).length > 0 && { annotations }),
    tags: [...new Set(files.flatMap(({ assembly }) => assembly.tags))],
    require: files.flatMap(({ assembly }) => assembly.require),
    images: files.flatMap(({ assembly }) => assembly.images),
  };
}

function mergeAnnotations(files: readonly NamedAssembly[], given: Annotations): Annotations {
  const keys = new Set(files.flatMap(({ assembly }) => Object.keys(assembly.annotations ?? {})));
  const merged = [...keys].map((key) => {
    const values = files.map(({ name, assembly }) => ({ name, value: own(assembly.annotations, key) }));
    return [key, own(given, key) ?? onlyValue(values, `different values of the annotation ${key}`)] as const;
  });
  // Not by assignment: an annotation may be called `__proto__`.
  return {
    ...Object.fromEntries(merged.filter(([, value]) => value !== undefined)),
    ...given,
  } as Annotations;
}

function own(annotations: Annotations = {}, key: string): string | undefined {
  return Object.hasOwn(annotations, key) ? annotations[key] : undefined;
}

/** @throws ArgumentError if two files have different values */
function onlyValue<T>(
  values: readonly { readonly name: string; readonly value: T | undefined }[],
  difference: string,
): T | undefined {
  const present = values.filter(({ value }) => value !== undefined);
  const [first] = present;
  const other = present.find(({ value }) => !isDeepStrictEqual(value, first?.value));
  if (other === undefined) return first?.value;
  throw new ArgumentError(`${first?.name} and ${other.name} have ${difference}`, {
    hint: 'Keep one of them in the files, or give the setting on the command line.',
  });
}
