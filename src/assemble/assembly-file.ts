import type { Draft } from '../drafts/draft.js';
import type { Annotations } from '../oci/descriptor.js';
import { InvalidError, type Problem } from '../oci/errors.js';
import { parsePlatform, type Platform } from '../oci/platform.js';
import { validateDocument } from '../oci/validate.js';
import { checkAssembly, parseOverride } from './assembly-rules.js';
import type { Assembly, AssemblyImage } from './assembly.js';
import { readDescriptorFile } from './descriptor-file.js';
import { checkManifestToolSpec, convertManifestToolSpec, isManifestToolSpec } from './manifest-tool-spec.js';
import type { AttestationsMode } from './select-entries.js';
import { expandTemplate, isTemplate } from './template.js';
import { invalidYaml, parseYaml } from './yaml-text.js';
import { YAML_LIMIT } from './yaml-value.js';

/** The content of a valid assembly file. */
interface AssemblyFile {
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

/**
 * Parses the file of `create -f`: an assembly file in YAML 1.2 or JSON (`schemas/assembly.schema.json`), the YAML file
 * of `manifest-tool push from-spec`, or JSON with an image index, a descriptor or an array of descriptors.
 *
 * @param text the whole file
 * @param name its name in messages
 * @throws InvalidError with all mistakes, each with its line, column and path
 */
export async function parseAssembly(text: string, name: string): Promise<Assembly> {
  const plain = text.replace(/^\uFEFF/, '');
  const listed = readDescriptorFile(plain, name);
  if (listed !== undefined) {
    if (listed.problems.length > 0) throw await invalidDescriptors(plain, name, listed.problems);
    return listed.assembly();
  }
  const yaml = await parseYaml(plain, name);
  const isManifestTool = isManifestToolSpec(yaml.members);
  const read = yaml.read(isManifestTool ? 'text' : 'typed');
  const problems = read.report(isManifestTool ? checkManifestToolSpec(read.value) : problemsOf(read.value));
  if (problems.length > 0) {
    throw invalidYaml(
      name,
      problems,
      isManifestTool ? 'a valid manifest-tool spec' : 'a valid assembly file',
    );
  }
  return isManifestTool ? convertManifestToolSpec(read.value) : convert(read.value as AssemblyFile);
}

/** Where schema and rules report the same location, keeps the problems of the rules, which are more specific. */
function problemsOf(value: unknown): Problem[] {
  const byRules = checkAssembly(value);
  const covered = new Set(byRules.map(({ pointer }) => pointer));
  return [...validateDocument('assembly', value).filter(({ pointer }) => !covered.has(pointer)), ...byRules];
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

function convert({
  target,
  tags,
  format,
  annotations,
  attestations,
  require,
  images,
}: AssemblyFile): Assembly {
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
