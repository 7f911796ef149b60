import type { AssemblyImage } from '../assemble/assembly.js';
import type { SourceEntry } from '../assemble/read-source.js';
import { readSources } from '../assemble/read-sources.js';
import { checkSelected, selectEntries } from '../assemble/select-entries.js';
import { expandTemplate, isTemplate } from '../assemble/template.js';
import { waitForSources } from '../assemble/wait-for-sources.js';
import type { Selector, Source } from '../content/source.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { LayerCompression } from '../layout/docker-save/docker-archive.js';
import { isVerifiableDigest, type Digest } from '../oci/digest.js';
import { InvalidError } from '../oci/errors.js';
import {
  familiarLocation,
  formatImageLocation,
  withDigest,
  type ImageLocation,
  type TargetLocation,
} from '../oci/image-location.js';
import type { Platform } from '../oci/platform.js';
import { sleep } from '../registry/sleep.js';
import type { ClientContext } from './client-context.js';

export interface ReadOptions {
  /** Only these of what the sources give, each of which must be there; what `{arch}` in a source stands for. @default all */
  readonly platforms?: readonly Platform[] | undefined;
  /** What becomes of statements about images. @default 'keep' */
  readonly attestations?: 'keep' | 'drop' | undefined;
  /** How long sources that are not there yet are waited for, in milliseconds. @default 0 */
  readonly wait?: number | undefined;
  /** Read every image's config, for its labels. @default false */
  readonly configs?: boolean | undefined;
  /** What becomes of layers that an archive of `docker save` holds uncompressed. @default 'gzip' */
  readonly layerCompression?: LayerCompression | undefined;
}

/** A source with what is wanted of what it gave. */
export interface ReadSource {
  readonly location: ImageLocation;
  readonly place: Source;
  /** One for each time that the source was named. No entry is in two of them, unless it is to be two entries. */
  readonly parts: readonly SourcePart[];
}

interface SourcePart {
  readonly image: AssemblyImage;
  readonly entries: readonly SourceEntry[];
}

interface LocatedSource {
  readonly location: ImageLocation;
  readonly images: AssemblyImage[];
}

interface OpenSource extends LocatedSource {
  readonly source: Source;
  readonly label: string;
}

/**
 * Reads sources at once, each once, and takes of them what is wanted. All are tried and looked into, so that one run
 * reports everything there is to mend.
 *
 * @throws RequirementError where a platform was asked for that is not there, and what reading throws
 */
export async function readAll(
  run: ClientContext,
  target: TargetLocation,
  sources: readonly (string | AssemblyImage)[],
  options: ReadOptions,
): Promise<ReadSource[]> {
  const { platforms = [], attestations, wait, configs, layerCompression } = options;
  const located = locate(run, target, sources, platforms);
  const opened = await Promise.all(
    located.map(async ({ location, images }): Promise<OpenSource> => {
      const source = await run.transports.open(location);
      return { location, images, source, label: familiarLocation(location) };
    }),
  );
  const { limit, signal, onEvent } = run;
  const select = ({ location }: OpenSource): Promise<Selector> =>
    run.transports.selector(location, { layerCompression, signal });
  if (wait !== undefined) await waitForAll(run, opened, wait, select);
  const requests = await Promise.all(
    opened.map(async (source) => ({
      ...source,
      selector: await select(source),
      check: (entries: readonly SourceEntry[]) => checkImages(source, entries),
    })),
  );
  const read = await readSources(requests, { limit, signal, onEvent, configs });
  const given = opened.flatMap(({ images }, position) =>
    images.flatMap((image) => (read[position]?.entries ?? []).map((entry) => describedBy(image, entry))),
  );
  checkSelected(platforms, given, familiarLocation(target));
  return opened.map(({ location, source, images }, position) => ({
    location,
    place: source,
    parts: partsOf(images, read[position]?.entries ?? [], { platforms, attestations }),
  }));
}

/** What there is to read, each place once, in the order in which they are named first. */
function locate(
  run: ClientContext,
  target: TargetLocation,
  sources: readonly (string | AssemblyImage)[],
  platforms: readonly Platform[],
): LocatedSource[] {
  const located = new Map<string, LocatedSource>();
  for (const image of sources.flatMap((source) => expand(source, platforms))) {
    const location = isVerifiableDigest(image.source)
      ? withDigest(target, image.source)
      : run.location(image.source);
    const name = formatImageLocation(location);
    const known = located.get(name);
    if (known === undefined) located.set(name, { location, images: [image] });
    else known.images.push(image);
  }
  return [...located.values()];
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

function checkImages({ images, label }: OpenSource, entries: readonly SourceEntry[]): void {
  checkSelected(
    images.flatMap(({ platforms }) => platforms ?? []),
    entries,
    label,
  );
  for (const { descriptor } of images) checkDescriptor(descriptor, entries, label);
}

/** A file may be older than what is there, or wrong; published, it would be an index that no client can use. */
function checkDescriptor(
  listed: Descriptor | undefined,
  entries: readonly SourceEntry[],
  label: string,
): void {
  const found = entries.find(({ descriptor }) => descriptor.digest === listed?.digest)?.descriptor;
  if (listed === undefined || found === undefined) return;
  for (const member of ['size', 'mediaType'] as const) {
    if (found[member] === listed[member]) continue;
    throw new InvalidError(`${label} has the ${member} ${found[member]}, and not ${listed[member]}`, {
      hint: 'Correct its descriptor in the file.',
    });
  }
}

function partsOf(
  images: readonly AssemblyImage[],
  entries: readonly SourceEntry[],
  options: Pick<ReadOptions, 'platforms' | 'attestations'>,
): SourcePart[] {
  const taken = new Set<SourceEntry>();
  return images.map((image) => {
    const { platforms, platform } = image;
    const described = entries.map((entry) => describedBy(image, entry));
    const own = selectEntries(described, { platforms, attestations: options.attestations });
    const wanted = selectEntries(own, { platforms: options.platforms });
    // Named again, an image is still the one entry, unless it is said to run on something else as well.
    const fresh = platform === undefined ? wanted.filter((entry) => !taken.has(entry)) : wanted;
    for (const entry of wanted) taken.add(entry);
    return { image, entries: fresh };
  });
}

/** What a file says of an image goes before what the image says. */
function describedBy({ descriptor: listed }: AssemblyImage, entry: SourceEntry): SourceEntry {
  return listed?.digest === entry.descriptor.digest
    ? { ...entry, descriptor: { ...entry.descriptor, ...listed } }
    : entry;
}

async function waitForAll(
  { limit, signal, onEvent }: ClientContext,
  sources: readonly OpenSource[],
  patience: number,
  select: (source: OpenSource) => Promise<Selector>,
): Promise<void> {
  await waitForSources(
    sources.map((awaited) => ({
      label: awaited.label,
      find: async () => awaited.source.find(await select(awaited), { signal }),
    })),
    {
      patience,
      limit,
      onEvent,
      now: () => performance.now(),
      sleep: (milliseconds) => sleep(milliseconds, signal),
    },
  );
}

/** Manifests that were read by themselves, by the place they were read from. */
export function seenManifests(read: readonly ReadSource[]): Map<Source, Set<Digest>> {
  const seen = new Map<Source, Set<Digest>>();
  for (const { place, parts } of read) {
    const digests = seen.get(place) ?? new Set();
    for (const { descriptor, document } of parts.flatMap(({ entries }) => entries)) {
      if (document !== undefined) digests.add(descriptor.digest);
    }
    seen.set(place, digests);
  }
  return seen;
}
