import type { Inspection } from '../../client/inspection.js';
import type { ManifestOrIndex } from '../../oci/document.js';
import { DOCKER_MANIFEST } from '../../oci/media-type.js';
import type { LoosePlatform } from '../../oci/platform.js';
import { escapeHtml, indentJson, withState } from './indent-json.js';
import { inspectedPlatform } from './cells.js';

/**
 * The output of `docker manifest inspect --verbose`, without the line feed at the end: an object for an image, an array of
 * objects for an index. Reads the images of an index in parallel.
 * @param isEntry whether the image is an entry of an index
 * @param state added to each object, if given
 */
export async function verboseText(
  inspection: Inspection,
  isEntry: boolean,
  state: string | undefined,
): Promise<string> {
  const { document, children } = inspection;
  const objects =
    document.kind === 'index'
      ? await Promise.all(children.map(async (child) => entryJson(await child.read())))
      : [imageJson(inspection, await inspectedPlatform(inspection, isEntry))];
  const texts = objects.map((object) => withState(object, state)).join(',');
  const json = document.kind === 'index' ? `[${texts}]` : texts;
  return indentJson(escapeHtml(json), '\t');
}

async function entryJson(inspection: Inspection): Promise<string> {
  return imageJson(inspection, await inspectedPlatform(inspection, true));
}

/** Members and order are docker's; its descriptor has only these four members. */
function imageJson({ name, document, descriptor }: Inspection, platform: LoosePlatform): string {
  const { mediaType, digest, size } = descriptor;
  const members = {
    Ref: name,
    Descriptor: { mediaType, digest, size, platform: platformJson(platform) },
    Raw: Buffer.from(document.bytes).toString('base64'),
  };
  return `${JSON.stringify(members).slice(0, -1)}${manifestMember(document)}}`;
}

/** As Go serialises it: os and architecture always, other members if not empty. */
function platformJson(platform: LoosePlatform): LoosePlatform {
  const { architecture = '', os = '', variant = '', 'os.version': version = '' } = platform;
  const features = platform['os.features'] ?? [];
  return {
    architecture,
    os,
    ...(version !== '' && { 'os.version': version }),
    ...(features.length > 0 && { 'os.features': features }),
    ...(variant !== '' && { variant }),
  };
}

/** docker has no member for a nested index. */
function manifestMember({ kind, mediaType, bytes }: ManifestOrIndex): string {
  if (kind === 'index') return '';
  const name = mediaType === DOCKER_MANIFEST ? 'SchemaV2Manifest' : 'OCIManifest';
  return `,"${name}":${new TextDecoder().decode(bytes).trim()}`;
}
