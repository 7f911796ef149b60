import { outsideOfCall } from '../content/budget.js';
import { findTag } from '../content/find-tag.js';
import type { ReadOptions } from '../content/source.js';
import type { Target } from '../content/target.js';
import type { Descriptor } from '../oci/descriptor.js';
import { ArgumentError, ConflictError, NotFoundError } from '../oci/errors.js';
import {
  familiarLocation,
  formatImageLocation,
  isTargetLocation,
  isUntagged,
  nameIn,
  repositoryName,
  withDigest,
  withTag,
  type TargetLocation,
} from '../oci/image-location.js';
import { parseTag } from '../oci/reference.js';
import type { ClientContext } from './client-context.js';
import { locationOf, targetLocation } from './locations.js';
import type { CallOptions, ImageTarget } from './inputs.js';

/** What `Multiarch.delete` takes. */
export interface DeleteOptions extends CallOptions {
  /**
   * Delete the manifest that a tag points to, and with it all other tags that point to it. For registries that delete no
   * tags. @default false
   */
  readonly manifest?: boolean | undefined;
  /**
   * Called with what is about to be deleted, after it was found. If it returns false, nothing is deleted.
   * @default everything is deleted
   */
  readonly confirm?: ((what: DeleteResult) => boolean | Promise<boolean>) | undefined;
}

/** What was deleted. */
export interface DeleteResult {
  /** In full: the tag, or the manifest by its digest. */
  readonly reference: string;
  readonly kind: 'tag' | 'manifest';
  /** The image or index that the tag pointed to, or that was deleted. */
  readonly descriptor: Descriptor;
  /** Whether it was deleted: `false` if `confirm` returned false. */
  readonly deleted: boolean;
  /** Whether the image or index exists now. A registry may delete it together with its last tag. */
  readonly exists: boolean;
}

/** Deletes a tag, or a manifest by its digest. @throws NotFoundError, ConflictError, UnauthorizedError */
export async function deleteImage(
  context: ClientContext,
  name: ImageTarget,
  { manifest = false, confirm }: DeleteOptions,
): Promise<DeleteResult> {
  const { signal } = context;
  const location = deletedLocation(context, name);
  const { tag } = nameIn(location);
  const target = await context.transports.openTarget(location, 'pull');
  if (target.delete === undefined) {
    throw new ArgumentError(`nothing can be deleted from ${target.label}`, {
      hint: 'Images are deleted from registries and image layouts. Copy what is to stay to a new archive.',
    });
  }
  const descriptor = await findDeleted(target, location, { signal });
  const isTag = tag !== undefined && !manifest;
  const selector = isTag ? tag : descriptor.digest;
  const reference = formatImageLocation(
    isTag ? withTag(location, tag) : withDigest(location, descriptor.digest),
  );
  const what = { reference, kind: isTag ? 'tag' : 'manifest', descriptor } as const;
  const found = { ...what, deleted: false, exists: true };
  if (confirm !== undefined && !(await outsideOfCall(() => confirm(found)))) return found;
  try {
    await target.delete(selector, { signal });
  } catch (error) {
    // A request whose response was lost has deleted it, if it does not exist any more.
    if (!(error instanceof NotFoundError) || (await target.find(selector, { signal })) !== undefined)
      throw error;
  }
  const remaining = isTag ? await target.find(descriptor.digest, { signal }) : undefined;
  return { ...what, deleted: true, exists: remaining !== undefined };
}

/** @throws ArgumentError for a name without tag and digest, and for what can only be read */
function deletedLocation(context: ClientContext, name: ImageTarget): TargetLocation {
  if (typeof name !== 'string') return targetLocation(context, name);
  const location = locationOf(context, name);
  if (!isTargetLocation(location)) {
    throw new ArgumentError(`${familiarLocation(location)} can only be read`, {
      hint: 'Images are deleted from registries and image layouts, by a tag or a digest.',
    });
  }
  if (!isUntagged(name)) return location;
  const example = familiarLocation(withTag(location, parseTag('latest')));
  throw new ArgumentError(`${name} has neither a tag nor a digest`, {
    hint: `Name what to delete: ${example}, or ${repositoryName(location)}@DIGEST.`,
  });
}

/** Finds what is to be deleted. @throws NotFoundError; ConflictError for a tag that has another digest than the name */
async function findDeleted(
  target: Target,
  location: TargetLocation,
  options: ReadOptions,
): Promise<Descriptor> {
  const { tag, digest } = nameIn(location);
  const found = await findExactly(target, location, options);
  if (tag === undefined || digest === undefined || found.digest === digest) return found;
  throw new ConflictError(
    `${formatImageLocation(withTag(location, tag))} is ${found.digest}, not ${digest}`,
    { hint: 'The tag has moved. Inspect it before it is deleted.' },
  );
}

async function findExactly(
  target: Target,
  location: TargetLocation,
  options: ReadOptions,
): Promise<Descriptor> {
  const { tag, digest } = nameIn(location);
  const selector = tag ?? digest;
  // The error of a registry says why.
  if (selector !== undefined && (tag === undefined || target.findTag === undefined)) {
    return target.resolve(selector, options);
  }
  const found = tag === undefined ? undefined : await findTag(target, tag, options);
  if (found !== undefined) return found;
  throw new NotFoundError(`no such manifest: ${formatImageLocation(location)}`, {
    hint: `List the tags with multiarch tags ${repositoryName(location)}`,
  });
}
