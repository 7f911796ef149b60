import { readDescriptor, type DescriptorJson } from '../oci/descriptor.js';
import { tryParseDigest } from '../oci/digest.js';
import { ArgumentError, InvalidError } from '../oci/errors.js';
import { isJsonObject, parseJson } from '../oci/json.js';
import { withoutNullMembers } from '../oci/null-members.js';
import type { LoosePlatform } from '../oci/platform.js';
import { validateDocument } from '../oci/validate.js';
import type { AssemblyImage, ListedDescriptor } from './assembly.js';

const LABEL = 'the descriptor';
const HINT = 'Write {"digest":"sha256:…"}, with "size", "mediaType", "platform" and "annotations" as needed.';

/** Reports whether a source is a descriptor in JSON. No other name starts with a brace. */
export function isInlineDescriptor(source: string): boolean {
  return source.startsWith('{"') || /^\{\s/.test(source) || source === '{}';
}

/**
 * Parses a descriptor in JSON that is given as a source, as for `docker buildx imagetools create`. Only `digest` is
 * required. The other members take precedence over those of the image, which is in the target's repository.
 * @throws ArgumentError for a manifest or index, or without a digest; InvalidError for invalid JSON or members
 */
export function parseInlineDescriptor(source: string): AssemblyImage {
  const value = withoutNullMembers(parseJson(Buffer.from(source), LABEL));
  if (!isJsonObject(value) || typeof value['digest'] !== 'string') {
    const what = isJsonObject(value) && 'schemaVersion' in value ? 'a manifest or an index' : 'no descriptor';
    throw new ArgumentError(`a source is JSON, but ${what}: it has no "digest"`, { hint: HINT });
  }
  const digest = tryParseDigest(value['digest']);
  // Placeholders for the members that are taken from the image.
  const complete = { mediaType: 'application/octet-stream', size: 0, ...value };
  const { platform, ...others } = complete as typeof complete & { platform?: unknown };
  // Any variant belongs to an unknown architecture.
  const isPartial = isJsonObject(platform) && !('os' in platform && 'architecture' in platform);
  const checked = isPartial
    ? { ...others, platform: { os: 'linux', architecture: 'unknown', ...platform } }
    : complete;
  const problems = validateDocument('descriptor', checked);
  if (problems.length > 0 || digest === undefined) {
    throw new InvalidError(`${LABEL} ${value['digest']} is invalid`, { problems, hint: HINT });
  }
  const all = readDescriptor((isPartial ? others : complete) as unknown as DescriptorJson);
  const { mediaType, size, ...rest } = all;
  const descriptor: ListedDescriptor = {
    ...rest,
    ...('mediaType' in value && { mediaType }),
    ...('size' in value && { size }),
  };
  return { source: digest, descriptor, ...(isPartial && { platform: givenFields(platform, checked) }) };
}

/** Returns the fields of a platform that are given; the others are those of the image. */
function givenFields(given: object, checked: object): LoosePlatform {
  const { os, architecture, ...details } = readDescriptor(checked as DescriptorJson).platform ?? {};
  return {
    ...details,
    ...('os' in given && os !== undefined && { os }),
    ...('architecture' in given && architecture !== undefined && { architecture }),
  };
}
