import type { Annotations } from '../oci/descriptor.js';
import type { Problem } from '../oci/errors.js';
import { isJsonObject } from '../oci/json.js';
import { isCompletePlatform, type LoosePlatform } from '../oci/platform.js';
import { schemaProblems } from '../oci/schema-problems.js';
import { manifestToolSpec as matchesSchema } from '../oci/schemas.generated.js';
import {
  checkLocation,
  checkOverride,
  checkTags,
  checkDuplicateImages,
  parseOverride,
  type CheckedImage,
} from './assembly-rules.js';
import type { Assembly, AssemblyImage } from './assembly.js';
import { fillBarePlaceholders } from './template.js';

/** The YAML file of `manifest-tool push from-spec` that matches its schema. */
interface Spec {
  readonly image: string;
  readonly tags?: readonly string[];
  readonly annotations?: Annotations;
  readonly manifests: readonly SpecManifest[];
}

interface SpecManifest {
  readonly image: string;
  readonly platform?: unknown;
}

/** The members that manifest-tool spells without the dot that they have everywhere else. */
const DOTTED: Readonly<Record<string, string>> = { osversion: 'os.version', osfeatures: 'os.features' };

/** The members that are lists of strings. All others are strings. */
const LISTS: ReadonlySet<string> = new Set(['os.features', 'features']);

/** Reports whether the top-level members are those of a manifest-tool spec rather than an assembly file. */
export function isManifestToolSpec(members: ReadonlySet<string>): boolean {
  return members.has('manifests') && !members.has('images') && !members.has('target');
}

/**
 * Returns all mistakes in the file.
 * @param value the parsed file, with plain scalars as strings and without empty members, as in manifest-tool
 */
export function checkManifestToolSpec(value: unknown): Problem[] {
  const bySchema = matchesSchema(value) ? [] : schemaProblems(matchesSchema.errors ?? []);
  return isJsonObject(value) ? [...bySchema, ...checkRules(value)] : bySchema;
}

/**
 * Converts a spec to an assembly. As in manifest-tool, the platform of the spec takes precedence over that of the
 * image, which fills in the missing parts.
 * @param value a valid spec
 */
export function convertManifestToolSpec(value: unknown): Assembly {
  const { image, tags, annotations, manifests } = value as Spec;
  return {
    target: image,
    tags: tags ?? [],
    require: [],
    images: manifests.map(convertManifest),
    ...(annotations !== undefined && { annotations }),
  };
}

function convertManifest({ image, platform }: SpecManifest): AssemblyImage {
  const given = readSpecPlatform(platform);
  const source = fillBarePlaceholders(image, given);
  if (Object.keys(given).length === 0) return { source };
  const { features } = given;
  return {
    source,
    platform: isCompletePlatform(given)
      ? { ...parseOverride(given), ...(features !== undefined && { features }) }
      : given,
  };
}

function checkRules({ image, tags, manifests }: Readonly<Record<string, unknown>>): Problem[] {
  const images = Array.isArray(manifests) ? manifests.map(checkManifest) : [];
  return [
    ...checkLocation('/image', image).problems,
    ...checkTags(tags, image),
    ...images.flatMap(({ problems }) => problems),
    ...checkDuplicateImages(images),
  ];
}

function checkManifest(manifest: unknown, index: number): CheckedImage {
  const pointer = `/manifests/${index}`;
  if (!isJsonObject(manifest)) return { pointer, platforms: [], problems: [] };
  const { image, platform } = manifest;
  const given = readSpecPlatform(platform);
  const source = checkLocation(
    `${pointer}/image`,
    typeof image === 'string' ? fillBarePlaceholders(image, given) : image,
  );
  const override = checkOverride(`${pointer}/platform`, given);
  const problems = [...source.problems, ...override.problems];
  return { pointer, location: source.location, platforms: override.platforms, problems };
}

/** Returns the platform with the names of OCI, without members that are empty or of the wrong type. */
function readSpecPlatform(platform: unknown): LoosePlatform {
  if (!isJsonObject(platform)) return {};
  return Object.fromEntries(
    Object.entries(platform)
      .map(([name, part]) => [DOTTED[name] ?? name, part] as const)
      .filter(([name, part]) => (LISTS.has(name) ? isStringList(part) : typeof part === 'string'))
      .filter(([, part]) => part !== '' && !(Array.isArray(part) && part.length === 0)),
  );
}

function isStringList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((element) => typeof element === 'string');
}
