import { ArgumentError } from '../oci/errors.js';
import { familiarLocation, isTargetLocation, isUntagged, repositoryName } from '../oci/image-location.js';
import { sortTags, type TagOrder } from '../oci/tag-order.js';
import type { ClientContext } from './client-context.js';
import type { CallOptions } from './inputs.js';
import { locationOf } from './locations.js';

/** What `Multiarch.tags` takes. */
export interface TagsOptions extends CallOptions {
  /** The most tags to return: the first ones of the order. @default all */
  readonly limit?: number | undefined;
  /**
   * The order: `none` is that of the registry, mostly by name; `name` is that of the characters' codes; `semver` puts the
   * highest version first, and tags that are no version at the end. @default 'none'
   */
  readonly sort?: TagOrder | undefined;
}

/** The tags of a repository or layout. */
export interface TagsResult {
  /** In full: `docker.io/library/app`, `oci:DIR`. */
  readonly repository: string;
  readonly tags: readonly string[];
}

/**
 * Lists tags. A registry is asked for no more than the limit, unless they are sorted.
 * @throws ArgumentError for a name with a tag or digest, and for what has no list of tags
 */
export async function listTags(
  context: ClientContext,
  name: string,
  { limit, sort = 'none' }: TagsOptions,
): Promise<TagsResult> {
  if (limit !== undefined && !(Number.isSafeInteger(limit) && limit > 0)) {
    throw new ArgumentError(`limit takes a whole number of at least 1, not ${limit}`);
  }
  const location = locationOf(context, name);
  if ('position' in location || (isTargetLocation(location) && !isUntagged(name))) {
    throw new ArgumentError(`${name} names an image, not a repository`, {
      hint: `Omit the tag and the digest: ${repositoryName(location)}`,
    });
  }
  const source = await context.transports.open(location);
  if (source.listTags === undefined) {
    throw new ArgumentError(`${familiarLocation(location)} has no list of tags`, {
      hint: 'Tags are listed of a repository, an image layout (oci:DIR) or a tar file of one (oci-archive:FILE).',
    });
  }
  const { signal } = context;
  const listed = await source.listTags({ signal, most: sort === 'none' ? limit : undefined });
  return { repository: repositoryName(location), tags: sortTags(listed, sort).slice(0, limit) };
}
