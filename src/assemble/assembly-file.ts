import type { Draft } from '../drafts/draft.js';
import type { Annotations } from '../oci/descriptor.js';
import { ArgumentError, InvalidError, type Problem } from '../oci/errors.js';
import { parsePlatform, type Platform } from '../oci/platform.js';
import { validateDocument } from '../oci/validate.js';
import { checkAssembly } from './assembly-lists.js';
import { parseOverride } from './assembly-rules.js';
import type { Assembly, AssemblyImage } from './assembly.js';
import { readDescriptorFile } from './descriptor-file.js';
import { checkManifestToolSpec, convertManifestToolSpec, isManifestToolSpec } from './manifest-tool-spec.js';
import type { AttestationsMode } from './select-entries.js';
import { expandTemplate, isTemplate } from './template.js';
import { substituteVariables, type Substituted, type Variables } from './variables.js';
import { invalidYaml, parseYaml } from './yaml-text.js';
import { YAML_LIMIT } from './yaml-value.js';

/** The content of a valid assembly file. */
type AssemblyFile = FileList | { readonly lists: readonly FileList[] };

interface FileList {
  readonly target: string;
  readonly tags?: readonly string[];
  readonly format?: Draft['format'];
  readonly annotations?: Annotations;
  readonly attestations?: AttestationsMode;
  readonly require?: readonly string[];
  readonly images: readonly FileImage[];
}

interface FileImage {
  readonly source: string;
  readonly platform?: string | Platform;
  readonly platforms?: readonly string[];
  readonly annotations?: Annotations;
}

/** How an assembly file is parsed. */
export interface AssemblyFileOptions {
  /** The values of the variables in the file, such as `process.env`. @default none is set */
  readonly variables?: Variables | undefined;
}

/**
 * Parses the file of `create -f`: an assembly file in YAML 1.2 or JSON (`schemas/assembly.schema.json`), the YAML file
 * of `manifest-tool push from-spec`, or JSON with an image index, a descriptor or an array of descriptors. Only an
 * assembly file has variables, and only it can have several lists.
 *
 * @param text the whole file
 * @param name its name in messages
 * @throws InvalidError with all mistakes, each with its line, column and path; ArgumentError if the file has several lists,
 *   which {@link parseAssemblies} returns
 */
export async function parseAssembly(
  text: string,
  name: string,
  options: AssemblyFileOptions = {},
): Promise<Assembly> {
  const [first, ...others] = await parseAssemblies(text, name, options);
  if (others.length === 0) return first;
  throw new ArgumentError(`${name} has ${others.length + 1} lists, and only one can be used here`);
}

/**
 * Parses a file as {@link parseAssembly} does.
 * @returns the lists of the file, in order: those of its member `lists`, or the only one
 * @throws InvalidError with all mistakes, each with its line, column and path
 */
export async function parseAssemblies(
  text: string,
  name: string,
  { variables = {} }: AssemblyFileOptions = {},
): Promise<readonly [Assembly, ...Assembly[]]> {
  const plain = text.replace(/^\uFEFF/, '');
  const listed = readDescriptorFile(plain, name);
  if (listed !== undefined) {
    if (listed.problems.length > 0) throw await invalidDescriptors(plain, name, listed.problems);
    return [listed.assembly()];
  }
  const yaml = await parseYaml(plain, name);
  const isManifestTool = isManifestToolSpec(yaml.members);
  if (isManifestTool) {
    const spec = yaml.read('text');
    const problems = spec.report(checkManifestToolSpec(spec.value));
    if (problems.length > 0) throw invalidYaml(name, problems, 'a valid manifest-tool spec');
    return [convertManifestToolSpec(spec.value)];
  }
  const read = yaml.read('typed');
  const substituted = substituteVariables(read.value, variables);
  const problems = read.report(problemsOf(substituted));
  if (problems.length > 0) throw invalidYaml(name, problems, 'a valid assembly file');
  const file = substituted.value as AssemblyFile;
  const [first, ...others] = 'lists' in file ? file.lists : [file];
  if (first === undefined) throw invalidYaml(name, [], 'a valid assembly file');
  return [convert(first), ...others.map(convert)];
}

/**
 * Of several problems of one location, keeps the most specific: those of its variables, of the rules, of the schema. Adds
 * the text in the file to those of a substituted string.
 */
function problemsOf({ value, problems, sources }: Substituted): Problem[] {
  const kept = [...problems];
  for (const found of [checkAssembly(value), validateDocument('assembly', value)]) {
    const covered = new Set(kept.map(({ pointer }) => pointer));
    for (const problem of found) {
      if (covered.has(problem.pointer)) continue;
      const source = sources.get(problem.pointer);
      const message = source === undefined ? '' : ` (from ${JSON.stringify(source)})`;
      kept.push({ ...problem, message: problem.message + message });
    }
  }
  return kept;
}

/** Adds positions to the problems, unless the file exceeds the limits of the YAML parser. */
async function invalidDescriptors(
  text: string,
  name: string,
  problems: readonly Problem[],
): Promise<InvalidError> {
  const what = 'a valid list of descriptors';
  try {
    const located = (await parseYaml(text, name)).read('typed').report(problems);
    return invalidYaml(name, located.some(isLimit) ? problems : located, what);
  } catch (error) {
    if (!(error instanceof InvalidError)) throw error;
    return invalidYaml(name, problems, what);
  }
}

function isLimit({ rule }: Problem): boolean {
  return rule === YAML_LIMIT;
}

function convert({ target, tags, format, annotations, attestations, require, images }: FileList): Assembly {
  return {
    target,
    tags: tags ?? [],
    ...(format !== undefined && { format }),
    ...(annotations !== undefined && { annotations }),
    ...(attestations !== undefined && { attestations }),
    require: (require ?? []).map((platform) => parsePlatform(platform)),
    images: images.flatMap(convertImage),
  };
}

function convertImage({ source, platform, platforms, annotations }: FileImage): AssemblyImage[] {
  const selected = platforms?.map((text) => parsePlatform(text));
  const others = {
    ...(platform !== undefined && { platform: parseOverride(platform) }),
    ...(annotations !== undefined && { annotations }),
  };
  if (!isTemplate(source))
    return [{ source, ...(selected !== undefined && { platforms: selected }), ...others }];
  return expandTemplate(source, selected ?? []).map((expanded) => ({
    source: expanded.source,
    platforms: [expanded.platform],
    ...others,
  }));
}
