import type { Inspection } from '../../client/inspection.js';
import type { ManifestOrIndex } from '../../oci/document.js';
import { DOCKER_MANIFEST } from '../../oci/media-type.js';
import { isCompletePlatform, type LoosePlatform } from '../../oci/platform.js';
import { escapeHtml, indentJson } from './indent-json.js';
import { JsonText, type JsonMembers } from './json-result.js';
import { inspectedPlatform } from './cells.js';

/**
 * The output of `docker manifest inspect --verbose`, without the line feed at the end: an object for an image, an array of
 * objects for an index. Reads the images of an index in parallel.
 * @param isEntry whether the image is an entry of an index
 */
export async function verboseText(inspection: Inspection, isEntry: boolean): Promise<string> {
  const images = await openImages(inspection, isEntry);
  const texts = images.map(([image, platform]) => imageJson(image, platform)).join(',');
  return indentJson(escapeHtml(inspection.document.kind === 'index' ? `[${texts}]` : texts), '\t');
}

/** The same images for `--json`: the reference, the descriptor and the document of each. */
export async function verboseMembers(
  inspection: Inspection,
  isEntry: boolean,
): Promise<readonly JsonMembers[]> {
  const images = await openImages(inspection, isEntry);
  return images.map(([{ name, descriptor, document }, platform]) => ({
    reference: name,
    descriptor: { ...descriptor, ...(isCompletePlatform(platform) && { platform }) },
    document: documentJson(document.bytes),
  }));
}

/** A document as a part of a result, with its exact numbers, escapes and duplicate members. */
export function documentJson(bytes: Uint8Array): JsonText {
  return new JsonText(indentJson(new TextDecoder().decode(bytes).trim(), '  '));
}

type ImageWithPlatform = readonly [image: Inspection, platform: LoosePlatform];

/** The images of an index, or the one image, each with its platform. */
async function openImages(inspection: Inspection, isEntry: boolean): Promise<readonly ImageWithPlatform[]> {
  const { document, children } = inspection;
  return document.kind === 'index'
    ? Promise.all(children.map(async (child) => withPlatform(await child.read(), true)))
    : [await withPlatform(inspection, isEntry)];
}

async function withPlatform(image: Inspection, isEntry: boolean): Promise<ImageWithPlatform> {
  return [image, await inspectedPlatform(image, isEntry)];
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
