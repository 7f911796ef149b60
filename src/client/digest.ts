import type { DraftProblem } from '../drafts/draft-problems.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import { formatImageLocation } from '../oci/image-location.js';
import type { ClientContext } from './client-context.js';
import type { ImageSource, PlatformInput } from './inputs.js';
import { findDraftOf, readPublished, type InspectOptions } from './inspect.js';
import { inspectDraft, inspectPublished, type Inspection } from './inspection.js';
import { locationOf } from './locations.js';

/** What `Multiarch.digest` takes. */
export interface DigestOptions extends InspectOptions {
  /** Returns the digest of the image for this platform, as `Inspection.select` chooses it. */
  readonly platform?: PlatformInput | undefined;
}

/** A digest, and what it is the digest of. */
export interface DigestResult {
  /** The name in full: `docker.io/library/app:1.2`. */
  readonly reference: string;
  readonly state: 'draft' | 'published';
  readonly digest: Digest;
  readonly descriptor: Descriptor;
  /** What prevents a push of a draft, so that it will have another digest. Empty for everything else. */
  readonly problems: readonly DraftProblem[];
}

/** Finds the digest of a draft or of what is published. @throws NotFoundError */
export async function findDigest(
  context: ClientContext,
  name: ImageSource,
  options: DigestOptions,
): Promise<DigestResult> {
  const location = locationOf(context, name);
  const draft = await findDraftOf(context, name, location, options);
  if (draft !== undefined) return inspected(inspectDraft(context, draft), options);
  return readPublished(context, location, async () => {
    if (options.platform !== undefined) return inspected(await inspectPublished(context, location), options);
    const { transports, signal } = context;
    const source = await transports.open(location);
    const descriptor = await source.resolve(await transports.selector(location, { signal }), { signal });
    const reference = formatImageLocation(location);
    return { reference, state: 'published', digest: descriptor.digest, descriptor, problems: [] };
  });
}

async function inspected(inspection: Inspection, { platform }: DigestOptions): Promise<DigestResult> {
  const { name: reference, state, problems } = inspection;
  const { descriptor } = platform === undefined ? inspection : await inspection.find(platform);
  return { reference, state, digest: descriptor.digest, descriptor, problems };
}
