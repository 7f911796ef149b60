import { setTimeout as wait } from 'node:timers/promises';

import type { AssemblyImage } from '../assemble/assembly.js';
import type { SourceEntry } from '../assemble/read-source.js';
import { readSources } from '../assemble/read-sources.js';
import { checkSelected, selectEntries } from '../assemble/select-entries.js';
import { expandTemplate, isTemplate } from '../assemble/template.js';
import { waitForSources } from '../assemble/wait-for-sources.js';
import { untilAborted } from '../content/cancellation.js';
import type { Target } from '../content/target.js';
import { isDigest, type Digest } from '../oci/digest.js';
import { familiarLocation, formatImageLocation, type ImageLocation } from '../oci/image-location.js';
import type { Platform } from '../oci/platform.js';
import { withDigest } from './location-name.js';
import type { Run } from './run.js';

export interface ReadOptions {
  /** Only these of what the sources give, each of which must be there; what `{arch}` in a source stands for. @default all */
  readonly platforms?: readonly Platform[] | undefined;
  /** What becomes of statements about images. @default 'keep' */
  readonly attestations?: 'keep' | 'drop' | undefined;
  /** How long sources that are not there yet are waited for, in milliseconds. @default 0 */
  readonly wait?: number | undefined;
  /** Read every image's config, for its labels. @default false */
  readonly configs?: boolean | undefined;
}

/** A source with what it gave, as far as it is wanted. */
export interface ReadSource {
  readonly location: ImageLocation;
  readonly place: Target;
  readonly image: AssemblyImage;
  readonly entries: readonly SourceEntry[];
}

/**
 * Reads sources at once, each once, and takes of them what is wanted.
 * @throws RequirementError where a platform was asked for that is not there, and what reading throws
 */
export async function readAll(
  run: Run,
  target: ImageLocation,
  sources: readonly (string | AssemblyImage)[],
  options: ReadOptions,
): Promise<ReadSource[]> {
  const images = sources.flatMap((source) => expand(source, options.platforms ?? []));
  const located = new Map(
    images.map((image) => {
      const location = isDigest(image.source) ? withDigest(target, image.source) : run.location(image.source);
      return [formatImageLocation(location), { image, location }] as const;
    }),
  );
  const requests = await Promise.all(
    [...located.values()].map(async ({ image, location }) => ({
      image,
      location,
      source: await run.places.open(location),
      label: familiarLocation(location),
    })),
  );
  if (options.wait !== undefined) await waitForAll(run, requests, options.wait);
  const { limit, signal, onEvent } = run;
  const selected = await Promise.all(
    requests.map(async (request) => ({ ...request, selector: await run.places.selector(request.location) })),
  );
  const read = await readSources(selected, { limit, signal, onEvent, configs: options.configs });
  const given = read.flatMap(({ entries }) => entries);
  checkSelected(options.platforms ?? [], given, familiarLocation(target));
  return selected.map(({ image, location, source, label }, position) => {
    const entries = read[position]?.entries ?? [];
    checkSelected(image.platforms ?? [], entries, label);
    const own = selectEntries(entries, { platforms: image.platforms, attestations: options.attestations });
    return { location, place: source, image, entries: selectEntries(own, { platforms: options.platforms }) };
  });
}

/** A template is one source for each platform, and of each only that platform counts. */
function expand(source: string | AssemblyImage, platforms: readonly Platform[]): AssemblyImage[] {
  const image = typeof source === 'string' ? { source } : source;
  if (!isTemplate(image.source)) return [image];
  return expandTemplate(image.source, image.platforms ?? platforms).map((expanded) => ({
    ...image,
    source: expanded.source,
    platforms: [expanded.platform],
  }));
}

async function waitForAll(
  run: Run,
  requests: readonly { readonly source: Target; readonly location: ImageLocation; readonly label: string }[],
  patience: number,
): Promise<void> {
  const { limit, signal, onEvent } = run;
  await waitForSources(
    requests.map(({ source, location, label }) => ({
      label,
      find: async () => source.find(await run.places.selector(location), { signal }),
    })),
    {
      patience,
      limit,

      onEvent,
      now: () => performance.now(),
      sleep: async (milliseconds) => {
        await (signal === undefined ? wait(milliseconds) : untilAborted(signal, wait(milliseconds)));
      },
    },
  );
}

/** Manifests that were read by themselves, by the place they were read from. */
export function seenManifests(read: readonly ReadSource[]): Map<Target, Set<Digest>> {
  const seen = new Map<Target, Set<Digest>>();
  for (const { place, entries } of read) {
    const digests = seen.get(place) ?? new Set();
    for (const { descriptor, document } of entries) {
      if (document !== undefined) digests.add(descriptor.digest);
    }
    seen.set(place, digests);
  }
  return seen;
}
