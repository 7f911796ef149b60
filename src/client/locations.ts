import { resolve as resolvePath } from 'node:path';

import type { Source } from '../content/source.js';
import type { ManifestFormat } from '../layout/docker-save/docker-archive.js';
import { isVerifiableDigest } from '../oci/digest.js';
import { ArgumentError } from '../oci/errors.js';
import {
  familiarLocation,
  formatImageLocation,
  isLocalName,
  isTargetLocation,
  nameIn,
  parseImageLocation,
  withTag,
  type ImageLocation,
  type ObjectLocation,
  type TargetLocation,
} from '../oci/image-location.js';
import { checkWrittenRefName, parseRefName } from '../oci/ref-name.js';
import { parseTag } from '../oci/reference.js';
import type { ClientContext } from './client-context.js';
import { checkTransport } from './forgotten-transport.js';
import type { ImageSource, ImageTarget } from './inputs.js';

/**
 * Returns the location of an image. Paths are made absolute, since drafts that record them are used from other
 * directories too.
 * @throws ArgumentError, also for the path of an image without its transport
 */
export function locationOf(context: ClientContext, name: ImageSource): ImageLocation {
  if (typeof name !== 'string') return objectLocation(context, name.source, name.selector);
  checkTransport(name);
  const location = parseImageLocation(name);
  return 'path' in location ? { ...location, path: resolvePath(location.path) } : location;
}

/** @throws ArgumentError if nothing can be published there */
export function targetLocation(context: ClientContext, name: ImageTarget): TargetLocation {
  if (typeof name !== 'string') return objectLocation(context, name.target, name.selector);
  const location = locationOf(context, name);
  if ('position' in location && location.transport !== 'docker-archive') {
    throw new ArgumentError(`${familiarLocation(location)} can only be read: a position is not a tag`, {
      hint: `Publish to a tag: ${location.transport}:${location.path}:TAG.`,
    });
  }
  if (isTargetLocation(location)) return location;
  throw new ArgumentError(
    `${familiarLocation(location)} can only be read: multiarch writes no ${location.transport} images`,
    { hint: 'Publish to a registry, an image layout (oci:DIR) or a tar file of one (oci-archive:FILE:TAG).' },
  );
}

/**
 * Returns the location that names a draft. A layout without a tag gets the tag `latest`, as a repository does.
 * @throws ArgumentError if nothing can be published there
 */
export function draftLocation(context: ClientContext, name: ImageTarget): TargetLocation {
  return taggedLocation(targetLocation(context, name));
}

/** As {@link draftLocation}, for a location. */
export function taggedLocation(location: TargetLocation): TargetLocation {
  const { tag, digest } = nameIn(location);
  return tag === undefined && digest === undefined ? withTag(location, parseTag('latest')) : location;
}

/**
 * Returns {@link draftLocation}, for a target that is about to be written.
 * @throws ArgumentError also for a tag that other tools could not read
 */
export function publishLocation(context: ClientContext, name: ImageTarget): TargetLocation {
  const location = draftLocation(context, name);
  checkWritable(location);
  return location;
}

/** @throws ArgumentError if the tag is one of a layout that other tools could not read */
export function checkWritable(location: TargetLocation): void {
  const { tag } = nameIn(location);
  if ('path' in location && tag !== undefined) checkWrittenRefName(tag);
}

/** Returns the media types of manifests that are created for a target: many readers of layouts expect those of OCI. */
export async function manifestFormat(
  { transports }: ClientContext,
  target: TargetLocation,
): Promise<ManifestFormat> {
  if (target.transport === 'registry') return 'docker';
  return (await transports.openTarget(target, 'pull')).isLayout === true ? 'oci' : 'docker';
}

/** Returns the selector of draft entries for a text or an object: a source as drafts record it, a digest or a platform. */
export function entrySelector(context: ClientContext, image: ImageSource): string {
  return typeof image !== 'string' || isLocalName(image)
    ? formatImageLocation(locationOf(context, image))
    : image;
}

/** Returns an image as messages name it. */
export function imageLabel(name: ImageSource | ImageTarget): string {
  if (typeof name === 'string') return name;
  return `${('source' in name ? name.source : name.target).label}:${name.selector}`;
}

function objectLocation({ transports }: ClientContext, object: Source, selector: string): ObjectLocation {
  return {
    transport: 'object',
    label: transports.adopt(object),
    ...(isVerifiableDigest(selector) ? { digest: selector } : { tag: parseRefName(selector) }),
  };
}
