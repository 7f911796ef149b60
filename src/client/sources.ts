import type { AssemblyImage, ListedDescriptor } from '../assemble/assembly.js';
import type { ReadSourceOptions, SourceEntry, SourceImages } from '../assemble/read-source.js';
import { readReferredAttestations } from '../assemble/referred-attestations.js';
import { readSources } from '../assemble/read-sources.js';
import { checkSelected, selectEntries } from '../assemble/select-entries.js';
import { expandTemplate, isTemplate } from '../assemble/template.js';
import { waitForSources } from '../assemble/wait-for-sources.js';
import { withoutBudget } from '../content/budget.js';
import type { Selector, Source } from '../content/source.js';
import type { Annotations, Descriptor } from '../oci/descriptor.js';
import { isVerifiableDigest, parseDigest, type Digest } from '../oci/digest.js';
import type { IndexDocument } from '../oci/document.js';
import { InvalidError } from '../oci/errors.js';
import {
  familiarLocation,
  formatImageLocation,
  withDigest,
  type ImageLocation,
  type TargetLocation,
} from '../oci/image-location.js';
import { parsePlatform, type LoosePlatform, type Platform } from '../oci/platform.js';
import { sleep } from '../http/retry.js';
import type { ClientContext } from './client-context.js';
import type { CreateSettings } from './create-options.js';
import { withDraftHint } from './inspect.js';
import { locationOf, manifestFormat } from './locations.js';
import { platformsOf, type PartialDescriptorInput, type PlatformInput, type SourceImage } from './inputs.js';

/** A source of an index. */
export type SourceInput = string | NamedSource | ObjectSource;

/** A source by name, and what is taken of it. */
export interface NamedSource extends SourceSettings {
  /** A name as on the command line, or a digest in the repository of the target. May contain `{arch}` and the like. */
  readonly source: string;
  readonly selector?: undefined;
}

/** A source in an object, and what is taken of it. */
export interface ObjectSource extends SourceSettings, SourceImage {}

/** What is taken of a source. */
export interface SourceSettings {
  /** The platform of the image, which takes precedence over what it says itself. The source must be one image. */
  readonly platform?: string | LoosePlatform | undefined;
  /** Keep only these platforms of the source, each of which must exist. @default all */
  readonly platforms?: readonly PlatformInput[] | undefined;
  /** Its members take precedence over those of the descriptor of the image that has this digest. */
  readonly descriptor?: PartialDescriptorInput | undefined;
  /** Annotations of the entries that the source contributes. */
  readonly annotations?: Annotations | undefined;
}

/** A source with the selected entries. */
export interface ReadSource {
  readonly location: ImageLocation;
  readonly source: Source;
  /** The index, if the source is one. */
  readonly index: IndexDocument | undefined;
  /** One for each time that the source was named. No entry is in two of them, unless it is to be two entries. */
  readonly parts: readonly SourcePart[];
}

interface SourcePart {
  readonly image: AssemblyImage;
  readonly entries: readonly SourceEntry[];
}

interface OpenSource {
  readonly location: ImageLocation;
  readonly images: readonly AssemblyImage[];
  readonly source: Source;
  readonly label: string;
}

/**
 * Reads sources in parallel, each once, and selects their entries. All are tried and checked, so that one call reports
 * all problems.
 *
 * @throws RequirementError if a selected platform is missing, ArgumentError, and what reading throws
 */
export async function readAll(
  context: ClientContext,
  target: TargetLocation,
  sources: readonly SourceInput[],
  settings: CreateSettings,
): Promise<ReadSource[]> {
  const { platforms, wait, annotationsFromLabels: configs, layerCompression } = settings;
  const { limit, signal, onEvent, transports, reads } = context;
  const opened = await Promise.all(
    locate(context, target, sources, platforms).map(async ([location, images]): Promise<OpenSource> => {
      const source = await transports.open(location);
      return { location, images, source, label: familiarLocation(location) };
    }),
  );
  const format = await manifestFormat(context, target);
  const select = ({ location }: OpenSource): Promise<Selector> =>
    transports.selector(location, { layerCompression, format, signal });
  if (wait !== undefined) await waitForAll(context, opened, wait, select);
  const requests = await Promise.all(
    opened.map(async (source) => ({
      ...source,
      selector: await select(source),
      check: (entries: readonly SourceEntry[]) => checkImages(source, entries),
      explain: (error: unknown) => withDraftHint(context, source.location, error),
    })),
  );
  const options = { limit, signal, onEvent, configs, reads };
  const read = await withReferred(opened, await readSources(requests, options), settings, options);
  const entriesOf = (position: number): readonly SourceEntry[] => read[position]?.entries ?? [];
  const given = opened.flatMap(({ images }, position) =>
    images.flatMap((image) => entriesOf(position).map((entry) => describedBy(image, entry))),
  );
  checkSelected(platforms, given, familiarLocation(target));
  const listed = listedDigests(opened, read);
  return opened.flatMap(({ location, source, images }, position) => {
    const index = read[position]?.index;
    const entries = entriesOf(position);
    const isListed = entries.every(({ descriptor }) => listed.get(source)?.has(descriptor.digest) === true);
    // An image that is named beside its index is one entry, unless something is said about it.
    if (index === undefined && isListed && !images.some(isChanged)) return [];
    return [{ location, source, index, parts: partsOf(images, entries, settings) }];
  });
}

/** Returns the digests of the images that the indexes among the sources list, by repository or layout. */
function listedDigests(
  opened: readonly OpenSource[],
  read: readonly SourceImages[],
): ReadonlyMap<Source, ReadonlySet<Digest>> {
  const listed = new Map<Source, Set<Digest>>();
  for (const [position, { source, images }] of opened.entries()) {
    const found = read[position];
    if (found?.index === undefined || images.some(({ platforms }) => platforms !== undefined)) continue;
    const digests = listed.get(source) ?? new Set();
    listed.set(source, digests);
    for (const { descriptor } of found.entries) digests.add(descriptor.digest);
  }
  return listed;
}

function isChanged({ platform, annotations }: AssemblyImage): boolean {
  return platform !== undefined || annotations !== undefined;
}

/** Adds the attestations that are attached to the selected images as referrers, if they are wanted. */
function withReferred(
  opened: readonly OpenSource[],
  read: readonly SourceImages[],
  { attestations, platforms }: CreateSettings,
  options: ReadSourceOptions,
): Promise<readonly SourceImages[]> {
  return Promise.all(
    read.map(async (images, position) => {
      const source = opened[position]?.source;
      if (attestations !== 'from-referrers' || source === undefined) return images;
      const selected = selectEntries(images.entries, { platforms });
      const referred = await readReferredAttestations(source, selected, options);
      return { ...images, entries: [...images.entries, ...referred] };
    }),
  );
}

/** @throws ArgumentError */
function assemblyImage(context: ClientContext, input: SourceInput): AssemblyImage {
  if (typeof input === 'string') return { source: input };
  const { platform, platforms, descriptor, annotations } = input;
  return {
    source: input.selector === undefined ? input.source : formatImageLocation(locationOf(context, input)),
    ...(platform !== undefined && {
      platform: typeof platform === 'string' ? parsePlatform(platform) : platform,
    }),
    ...(platforms !== undefined && { platforms: platformsOf(platforms) }),
    ...(descriptor !== undefined && {
      descriptor: { ...descriptor, digest: parseDigest(descriptor.digest) },
    }),
    ...(annotations !== undefined && { annotations }),
  };
}

/** Returns the distinct locations to read, in the order in which they are first named, each with what is taken of it. */
function locate(
  context: ClientContext,
  target: TargetLocation,
  sources: readonly SourceInput[],
  platforms: readonly Platform[],
): [ImageLocation, AssemblyImage[]][] {
  const images = sources.map((source) => assemblyImage(context, source));
  const located = new Map<string, [ImageLocation, AssemblyImage[]]>();
  for (const image of images.flatMap((unexpanded) => expand(unexpanded, platforms))) {
    const location = isVerifiableDigest(image.source)
      ? withDigest(target, image.source)
      : locationOf(context, image.source);
    const name = formatImageLocation(location);
    const known = located.get(name);
    if (known === undefined) located.set(name, [location, [image]]);
    else known[1].push(image);
  }
  return [...located.values()];
}

/** Expands a template to one source for each platform, of which only that platform is selected. */
function expand(image: AssemblyImage, platforms: readonly Platform[]): AssemblyImage[] {
  if (!isTemplate(image.source)) return [image];
  return expandTemplate(image.source, image.platforms ?? platforms).map((expanded) => ({
    ...image,
    source: expanded.source,
    platforms: [expanded.platform],
  }));
}

function checkImages({ images, label }: OpenSource, entries: readonly SourceEntry[]): void {
  const platforms = images.flatMap((image) => image.platforms ?? []);
  checkSelected(platforms, entries, label);
  for (const { descriptor: listed } of images) {
    const found = entries.find(({ descriptor }) => descriptor.digest === listed?.digest)?.descriptor;
    if (listed !== undefined && found !== undefined) checkDescriptor(listed, found, label);
  }
}

/** A file may be outdated or wrong; an index published from it would be unusable. */
function checkDescriptor(listed: ListedDescriptor, found: Descriptor, label: string): void {
  for (const member of ['size', 'mediaType'] as const) {
    if (listed[member] === undefined || found[member] === listed[member]) continue;
    throw new InvalidError(`${label} has the ${member} ${found[member]}, and not ${listed[member]}`, {
      hint: 'Correct its descriptor in the file.',
    });
  }
}

function partsOf(
  images: readonly AssemblyImage[],
  entries: readonly SourceEntry[],
  { platforms: selected, attestations }: CreateSettings,
): SourcePart[] {
  const taken = new Set<SourceEntry>();
  return images.map((image) => {
    const { platforms, platform } = image;
    const described = entries.map((entry) => describedBy(image, entry));
    const own = selectEntries(described, { platforms, attestations });
    const wanted = selectEntries(own, { platforms: selected });
    // An image that is named twice is one entry, unless it is given a second platform.
    const fresh = platform === undefined ? wanted.filter((entry) => !taken.has(entry)) : wanted;
    for (const entry of wanted) taken.add(entry);
    return { image, entries: fresh };
  });
}

/** The descriptor in an assembly file takes precedence over what the image says. */
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
      // Not charged: the time between two looks grows, and somebody may wait for hours.
      find: () => withoutBudget(async () => awaited.source.find(await select(awaited), { signal })),
    })),
    {
      timeout: patience,
      limit,
      onEvent,
      now: () => performance.now(),
      sleep: (milliseconds) => sleep(milliseconds, signal),
    },
  );
}

/** Returns the digests of the manifests that were read individually, by their source. */
export function readManifests(read: readonly ReadSource[]): Map<Source, Set<Digest>> {
  const digests = new Map<Source, Set<Digest>>();
  for (const { source, parts } of read) {
    const entries = parts.flatMap((part) => part.entries);
    const own = entries.flatMap(({ document }) => document?.digest ?? []);
    digests.set(source, new Set([...(digests.get(source) ?? []), ...own]));
  }
  return digests;
}
