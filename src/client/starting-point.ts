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

/** What a draft is started from: an index that is published. */
export interface StartingPoint {
  readonly options: DraftOptions;
  readonly entries: readonly { readonly location: ImageLocation; readonly descriptor: Descriptor }[];
}

/**
 * Reads the index that a draft is to start from: its entries by digest, its annotations and its media type. Where it is
 * what the target's tag stands for now, the draft remembers its digest, so that a push finds out when the tag has moved.
 *
 * @throws NotFoundError, ArgumentError where it is an image instead of an index
 */
export async function startingPoint(
  run: ClientContext,
  name: string,
  target: ImageLocation,
): Promise<StartingPoint> {
  const location = run.draftTarget(name);
  const place = await run.transports.open(location);
  const selector = await run.transports.selector(location, { signal: run.signal });
  const document = await run.limit(() => place.readManifest(selector, { signal: run.signal }));
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
