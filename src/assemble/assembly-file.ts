import type { Draft } from '../drafts/draft.js';
import type { Annotations } from '../oci/descriptor.js';
import { InvalidError, type Problem } from '../oci/errors.js';
import { parsePlatform, type Platform } from '../oci/platform.js';
import { validateDocument } from '../oci/validate.js';
import { checkAssembly, parseOverride } from './assembly-rules.js';
import type { Assembly, AssemblyImage } from './assembly.js';
import { readDescriptorFile } from './descriptor-file.js';
import { checkManifestToolSpec, convertManifestToolSpec, isManifestToolSpec } from './manifest-tool-spec.js';
import { expandTemplate, isTemplate } from './template.js';
import { invalidYaml, parseYaml } from './yaml-text.js';
import { YAML_LIMIT } from './yaml-value.js';

/** What an assembly file holds, once it has been checked. */
interface AssemblyFile {
  readonly target: string;
  readonly tags?: readonly string[];
  readonly format?: Draft['format'];
  readonly annotations?: Annotations;
  readonly attestations?: 'keep' | 'drop';
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
 * Reads what `create -f` is given: an assembly file in YAML 1.2 or JSON (`schemas/assembly.schema.json`), the YAML of
 * `manifest-tool push from-spec`, or JSON that is a ready image index, a descriptor or an array of descriptors.
 *
 * @param text the whole file
 * @param name what messages call it
 * @throws InvalidError with everything that is wrong, each problem with its line, column and path
 */
export async function parseAssembly(text: string, name: string): Promise<Assembly> {
  const plain = text.replace(/^\uFEFF/, '');
  const listed = readDescriptorFile(plain, name);
  if (listed !== undefined) {
    if (listed.problems.length > 0) throw await invalidDescriptors(plain, name, listed.problems);
    return listed.assembly();
  }
  const yaml = await parseYaml(plain, name);
  const isForeign = isManifestToolSpec(yaml.members);
  const read = yaml.read(isForeign ? 'text' : 'typed');
  const problems = read.report(isForeign ? checkManifestToolSpec(read.value) : problemsOf(read.value));
  if (problems.length > 0) {
    throw invalidYaml(name, problems, isForeign ? 'a valid manifest-tool spec' : 'a valid assembly file');
  }
  return isForeign ? convertManifestToolSpec(read.value) : convert(read.value as AssemblyFile);
}

/** Where schema and rules object to the same place, the rules do so in better words. */
function problemsOf(value: unknown): Problem[] {
  const byRules = checkAssembly(value);
  const covered = new Set(byRules.map(({ pointer }) => pointer));
  return [...validateDocument('assembly', value).filter(({ pointer }) => !covered.has(pointer)), ...byRules];
}

/** Positions help even in a long index, but the reader that knows them takes no text of any length. */
async function invalidDescriptors(
  text: string,
  name: string,
  problems: readonly Problem[],
): Promise<InvalidError> {
  const what = 'a valid list of descriptors';
  try {
    const placed = (await parseYaml(text, name)).read('typed').report(problems);
    return invalidYaml(name, placed.some(isLimit) ? problems : placed, what);
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
  const kept = platforms?.map((text) => parsePlatform(text));
  const others = {
    ...(platform !== undefined && { platform: parseOverride(platform) }),
    ...(annotations !== undefined && { annotations }),
  };
  if (!isTemplate(source)) return [{ source, ...(kept !== undefined && { platforms: kept }), ...others }];
  return expandTemplate(source, kept ?? []).map((filled) => ({
    source: filled.source,
    platforms: [filled.platform],
    ...others,
  }));
}
