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
import { fillBareWords } from './template.js';

/** The YAML file of `manifest-tool push from-spec`, once its schema has allowed it. */
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

/** How manifest-tool's YAML reader knows two members that are written with a dot everywhere else. */
const DOTTED: Readonly<Record<string, string>> = { osversion: 'os.version', osfeatures: 'os.features' };

/** Whether the outermost members are those of manifest-tool's file rather than of an assembly. */
export function isManifestToolSpec(members: ReadonlySet<string>): boolean {
  return members.has('manifests') && !members.has('images') && !members.has('target');
}

/**
 * Everything that is wrong with the file.
 * @param value As read, plain scalars as text and empty members left out, as manifest-tool does.
 */
export function checkManifestToolSpec(value: unknown): Problem[] {
  const bySchema = matchesSchema(value) ? [] : schemaProblems(matchesSchema.errors ?? []);
  return isJsonObject(value) ? [...bySchema, ...checkRules(value)] : bySchema;
}

/**
 * The same as an assembly. As in manifest-tool, what a platform says goes before what the image says, and the image
 * fills in the rest.
 * @param value without problems
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
  const source = fillBareWords(image, given);
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
    ...checkTags(tags),
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
    typeof image === 'string' ? fillBareWords(image, given) : image,
  );
  const override = checkOverride(`${pointer}/platform`, given);
  const problems = [...source.problems, ...override.problems];
  return { pointer, location: source.location, platforms: override.platforms, problems };
}

/** Under the names of OCI. What is empty, or not of the type that the schema asks for, is left out. */
function readSpecPlatform(platform: unknown): LoosePlatform {
  if (!isJsonObject(platform)) return {};
  return Object.fromEntries(
    Object.entries(platform)
      .filter(([, part]) => (typeof part === 'string' || isTextList(part)) && part.length > 0)
      .map(([name, part]) => [DOTTED[name] ?? name, part]),
  );
}

function isTextList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((element) => typeof element === 'string');
}
