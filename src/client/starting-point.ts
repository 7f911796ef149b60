import type { DraftOptions } from '../drafts/edits.js';
import type { Descriptor } from '../oci/descriptor.js';
import { documentDescriptor } from '../oci/document.js';
import {
  familiarLocation,
  formatImageLocation,
  withDigest,
  type ImageLocation,
} from '../oci/image-location.js';
import { DOCKER_LIST } from '../oci/media-type.js';
import { ArgumentError } from '../oci/errors.js';
import type { ClientContext } from './client-context.js';
import type { ImageSource } from './inputs.js';

/** A published index that a draft starts from. */
export interface StartingPoint {
  readonly options: DraftOptions;
  readonly entries: readonly { readonly location: ImageLocation; readonly descriptor: Descriptor }[];
}

/**
 * Reads the index that a draft starts from: its entries by digest, its annotations and its media type. If it is what the
 * target's tag points to now, the draft records its digest, so that a push detects when the tag has moved.
 *
 * @throws NotFoundError, ArgumentError if it is an image instead of an index
 */
export async function startingPoint(
  context: ClientContext,
  name: ImageSource,
  target: ImageLocation,
): Promise<StartingPoint> {
  const location = typeof name === 'string' ? context.draftTarget(name) : context.location(name);
  const source = await context.transports.open(location);
  const selector = await context.transports.selector(location, { signal: context.signal });
  const document = await context.limit(() => source.readManifest(selector, { signal: context.signal }));
  if (document.kind === 'manifest') {
    throw new ArgumentError(`${familiarLocation(location)} is an image, not an image index`, {
      hint: 'Give it as a source instead of with --from.',
    });
  }
  const { annotations, artifactType, subject, manifests } = document.value;
  const isTarget = formatImageLocation(location) === formatImageLocation(target);
  return {
    options: {
      format: document.mediaType === DOCKER_LIST ? 'docker' : 'oci',
      annotations,
      artifactType,
      subject,
      base: isTarget ? documentDescriptor(document).digest : undefined,
    },
    entries: manifests.map((descriptor) => ({
      location: withDigest(location, descriptor.digest),
      descriptor,
    })),
  };
}
