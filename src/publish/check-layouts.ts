import type { OnEvent } from '../content/events.js';
import { unlimited } from '../content/limit.js';
import type { ReadOptions, Source } from '../content/source.js';
import type { Target } from '../content/target.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { ManifestOrIndex } from '../oci/document.js';
import { NotFoundError } from '../oci/errors.js';
import { DOCKER_LIST, DOCKER_MANIFEST } from '../oci/media-type.js';
import { formatPlatformFull, isKnownPlatform } from '../oci/platform.js';
import type { ContentOptions, SourcedEntry } from './target-state.js';

/**
 * Warns, once for each layout, that a document with a Docker media type is about to be written into it: the versions of
 * Debian 12 find only OCI images and indexes in a layout.
 */
export function warnOfDockerType(
  targets: readonly Target[],
  { mediaType }: Pick<ManifestOrIndex, 'mediaType'>,
  onEvent: OnEvent | undefined,
): void {
  if (mediaType !== DOCKER_MANIFEST && mediaType !== DOCKER_LIST) return;
  for (const { label } of targets.filter(({ isLayout }) => isLayout === true)) {
    const message = `${label} gets ${mediaType} as it is: older versions of skopeo, podman and buildah, such as those of Debian 12, do not read this media type from a layout`;
    onEvent?.({ kind: 'warning', message });
  }
}

/**
 * Checks that layouts and archives have the manifests that are about to be copied from them. A layout may list images that
 * it does not have, such as those of other platforms.
 * @param all the children of the document, with those that are not copied
 * @throws NotFoundError with the platforms that a source lacks
 */
export async function checkSources(
  missing: readonly SourcedEntry[],
  all: readonly SourcedEntry[],
  options: ContentOptions = {},
): Promise<void> {
  const local = missing.filter(
    ({ source, document }) => source.repository === undefined && document === undefined,
  );
  const absent = new Map<Source, Descriptor[]>();
  for (const { source, descriptor } of await withoutManifest(local, options)) {
    const descriptors = absent.get(source);
    if (descriptors === undefined) absent.set(source, [descriptor]);
    else descriptors.push(descriptor);
  }
  for (const [source, descriptors] of absent) {
    const lacked = new Set(descriptors);
    const present = all.filter((child) => child.source === source && !lacked.has(child.descriptor));
    throw new NotFoundError(`${source.label} lacks the manifests of ${namesOf(descriptors).join(', ')}`, {
      hint: incompleteHint(present.map(({ descriptor }) => descriptor)),
    });
  }
}

async function withoutManifest(
  entries: readonly SourcedEntry[],
  { limit = unlimited, signal }: ContentOptions,
): Promise<SourcedEntry[]> {
  const reading: ReadOptions = { signal };
  const found = await Promise.all(
    entries.map(({ source, descriptor }) => limit(() => source.find(descriptor.digest, reading))),
  );
  return entries.filter((_, position) => found[position] === undefined);
}

function incompleteHint(present: readonly Descriptor[]): string {
  const platforms = present.flatMap(({ platform }) =>
    isKnownPlatform(platform) ? [formatPlatformFull(platform)] : [],
  );
  if (platforms.length === 0) return 'It is incomplete: create it again.';
  return `It lists them, but does not hold them. Publish what it holds with --platform ${[...new Set(platforms)].join(',')}, or create it again with all platforms.`;
}

/** The platforms of images, and the digests of other content. */
function namesOf(descriptors: readonly Descriptor[]): string[] {
  const names = descriptors.map(({ platform, digest }) =>
    isKnownPlatform(platform) ? formatPlatformFull(platform) : digest,
  );
  return [...new Set(names)];
}
