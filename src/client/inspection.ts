import { findReferrers, type Referrer } from '../content/find-referrers.js';
import { unlimited, type Limit } from '../content/limit.js';
import { readChild } from '../content/read-child.js';
import type { ReadOptions, Source } from '../content/source.js';
import { readVerified } from '../content/verified-stream.js';
import type { Draft, Entry } from '../drafts/draft.js';
import { draftIndex } from '../drafts/draft-index.js';
import { embeddedManifest, entryDescriptor } from '../drafts/entry.js';
import { findEntry } from '../drafts/selection.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { Comparable } from '../oci/diff-index.js';
import type { Digest } from '../oci/digest.js';
import { documentDescriptor, type ManifestOrIndex } from '../oci/document.js';
import { InvalidError, NotFoundError } from '../oci/errors.js';
import { MAX_CONFIG_BYTES, parseImageConfig, platformOfConfig } from '../oci/image-config.js';
import {
  formatImageLocation,
  parseImageLocation,
  withDigest,
  type ImageLocation,
} from '../oci/image-location.js';
import { isImageConfigType } from '../oci/media-type.js';
import { formatPlatformFull, type Platform } from '../oci/platform.js';
import { selectPlatform } from '../oci/platform-match.js';
import { checkRequiredPlatforms } from '../oci/required-platforms.js';
import { createIndexDocument } from '../oci/serialise.js';
import { platformOf, platformsOf, type PlatformInput } from './inputs.js';
import type { TransportResolver } from './transport-resolver.js';
import { imagePlatforms } from '../oci/attestation.js';

/** A child of an index, not read yet. */
export interface InspectedChild {
  readonly name: string;
  readonly descriptor: Descriptor;
  read(): Promise<Inspection>;
}

export interface InspectionOptions extends ReadOptions {
  /** For the reads of many images at once. @default unlimited */
  readonly limit?: Limit | undefined;
}

export interface Contents {
  readonly name: string;
  readonly origin: 'draft' | 'published';
  readonly document: ManifestOrIndex;
  /** As the index that it was reached through says; else made from the document. */
  readonly descriptor?: Descriptor;
  /** Opens the source of the blobs of a manifest. */
  readonly source?: () => Promise<Source>;
  /** Whether it is looked at where it is published, so that what refers to it can be asked for. @default false */
  readonly isInPlace?: boolean;
  readonly children: readonly InspectedChild[];
}

/** One image or index that was opened for a look, and the way to what it points to. */
export class Inspection {
  /** In full: `docker.io/library/app:1.2`, a child `docker.io/library/app@sha256:…`. */
  readonly name: string;
  readonly origin: 'draft' | 'published';
  /** Of a draft: what a push would publish. */
  readonly document: ManifestOrIndex;
  /** With the platform that the index gives the image, where it was reached through one. */
  readonly descriptor: Descriptor;
  /** The entries of an index. */
  readonly children: readonly InspectedChild[];
  readonly #source: (() => Promise<Source>) | undefined;
  readonly #isInPlace: boolean;
  readonly #options: InspectionOptions;

  /** @internal */
  constructor(contents: Contents, options: InspectionOptions) {
    this.name = contents.name;
    this.origin = contents.origin;
    this.document = contents.document;
    this.descriptor = contents.descriptor ?? documentDescriptor(contents.document);
    this.children = contents.children;
    this.#source = contents.source;
    this.#isInPlace = contents.isInPlace ?? false;
    this.#options = options;
  }

  /**
   * @throws InvalidError when the draft cannot be an index as it is
   * @internal
   */
  static ofDraft(draft: Draft, places: TransportResolver, options: InspectionOptions = {}): Inspection {
    const document = createIndexDocument(draftIndex(draft));
    const children = draft.entries.map((entry) => draftChild(entry, places, options));
    // A draft's index has no blobs of its own: its children know their sources.
    return new Inspection({ name: draft.target, origin: 'draft', document, children }, options);
  }

  /**
   * Opens one entry of a draft.
   * @throws NotFoundError, ArgumentError: see `findEntry`
   * @internal
   */
  static ofEntry(
    draft: Draft,
    selector: string,
    places: TransportResolver,
    options: InspectionOptions = {},
  ): Promise<Inspection> {
    return draftChild(entryToOpen(draft, selector), places, options).read();
  }

  /**
   * Reads what is published under a name.
   * @throws NotFoundError
   * @internal
   */
  static async ofPublished(
    location: ImageLocation,
    places: TransportResolver,
    options: InspectionOptions = {},
  ): Promise<Inspection> {
    const source = await places.open(location);
    const document = await source.readManifest(
      await places.selector(location, { signal: options.signal }),
      options,
    );
    const name = formatImageLocation(location);
    return published({ name, location, document, source: async () => source, isInPlace: true }, options);
  }

  /**
   * Of an index, the image for a platform: the same, else one that runs there too, in containerd's order. Of an image,
   * itself where it runs there.
   * @throws NotFoundError that lists the platforms there are
   */
  async select(platform: PlatformInput): Promise<Inspection> {
    const wanted = platformOf(platform);
    const candidates =
      this.document.kind === 'manifest'
        ? [{ platform: await this.platform(), read: async () => this }]
        : this.children.map((child) => ({ platform: child.descriptor.platform, read: () => child.read() }));
    const platforms = candidates.map((candidate) => candidate.platform);
    const position = selectPlatform(wanted, platforms);
    const chosen = position === undefined ? undefined : candidates[position];
    if (chosen !== undefined) return chosen.read();
    const there = platforms.flatMap((known) => (known === undefined ? [] : [formatPlatformFull(known)]));
    throw new NotFoundError(`${this.name} has no image for ${formatPlatformFull(wanted)}`, {
      hint: there.length === 0 ? 'It states no platforms.' : `It has ${[...new Set(there)].join(', ')}.`,
    });
  }

  /** The exact bytes of an image's config. @throws InvalidError for an index */
  async config(): Promise<Uint8Array> {
    if (this.document.kind === 'index' || this.#source === undefined) {
      throw new InvalidError(`${this.name} is an image index, which has no config`, {
        hint: 'Choose one of its images with --platform OS/ARCH.',
      });
    }
    const { config } = this.document.value;
    const source = await this.#source();
    const { limit = unlimited } = this.#options;
    return limit(async () =>
      readVerified(await source.openBlob(config, this.#options), config, MAX_CONFIG_BYTES),
    );
  }

  /**
   * What refers to the image or index in the place where it is published: signatures, SBOMs and the like. For a draft and
   * its entries, no place is asked.
   * @throws what the Source throws
   */
  async referrers(): Promise<readonly Referrer[]> {
    if (!this.#isInPlace || this.#source === undefined) return [];
    return findReferrers(await this.#source(), this.document.digest, this.#options);
  }

  /** What the image runs on: as its index says, else as its config says; none for what is not an image. */
  async platform(): Promise<Platform | undefined> {
    if (this.descriptor.platform !== undefined) return this.descriptor.platform;
    if (this.document.kind === 'index' || !isImageConfigType(this.document.value.config.mediaType))
      return undefined;
    return platformOfConfig(parseImageConfig(await this.config()));
  }

  /** Makes sure that there is an image for each of these. @throws RequirementError with what is missing and what is there */
  async requirePlatforms(required: readonly PlatformInput[]): Promise<void> {
    checkRequiredPlatforms(platformsOf(required), await servedPlatforms(this), this.name);
  }

  /** What `diffIndexes` compares. Of an image that says its platform in its config only, the config is read. */
  async comparable(): Promise<Comparable> {
    const { document, descriptor } = this;
    if (document.kind === 'index') return document;
    const platform = await this.platform();
    return { kind: 'manifest', descriptor: { ...descriptor, ...(platform !== undefined && { platform }) } };
  }
}

/** The platforms that an inspected image or index serves. */
async function servedPlatforms(inspection: Inspection): Promise<readonly Platform[]> {
  if (inspection.document.kind === 'index') {
    return imagePlatforms(inspection.children.map(({ descriptor }) => descriptor));
  }
  const platform = await inspection.platform();
  return platform === undefined ? [] : [platform];
}

/** docker asks its store for the image's own file, and says so in other words than `annotate`. */
function entryToOpen(draft: Draft, selector: string): Entry {
  try {
    return findEntry(draft, selector);
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
    throw new NotFoundError(`No such manifest: ${selector}`, {
      hint: `The draft ${draft.target} does not have it. ${error.hint ?? ''}`.trim(),
    });
  }
}

interface PublishedContents
  extends
    Required<Pick<Contents, 'name' | 'document' | 'source' | 'isInPlace'>>,
    Pick<Contents, 'descriptor'> {
  readonly location: ImageLocation;
}

function published(contents: PublishedContents, options: InspectionOptions): Inspection {
  const { document } = contents;
  const children =
    document.kind === 'manifest'
      ? []
      : document.value.manifests.map((child) => publishedChild(contents, child, options));
  return new Inspection({ ...contents, origin: 'published', children }, options);
}

function publishedChild(
  { location: parent, source, isInPlace }: PublishedContents,
  descriptor: Descriptor,
  options: InspectionOptions,
): InspectedChild {
  const location = childLocation(parent, descriptor.digest);
  const name = formatImageLocation(location);
  return {
    name,
    descriptor,
    read: async () => {
      const document = await readLimited(await source(), descriptor, options);
      return published({ name, location, document, source, isInPlace, descriptor }, options);
    },
  };
}

function readLimited(
  source: Source,
  descriptor: Descriptor,
  options: InspectionOptions,
): Promise<ManifestOrIndex> {
  const { limit = unlimited } = options;
  return limit(() => readChild(source, descriptor, options));
}

/** The location of a child. In a registry it keeps the tag of its index, as docker prints it. */
function childLocation(parent: ImageLocation, digest: Digest): ImageLocation {
  return parent.transport === 'registry'
    ? { transport: 'registry', reference: { ...parent.reference, digest } }
    : withDigest(parent, digest);
}

/** An entry of a draft. Reads its manifest from the draft if that has it, else from the source of the entry. */
function draftChild(entry: Entry, places: TransportResolver, options: InspectionOptions): InspectedChild {
  const descriptor = entryDescriptor(entry);
  const entrySource = parseImageLocation(entry.source);
  // An entry without its manifest came from an index, which other entries may have as their source, too.
  const location = entry.manifest === undefined ? childLocation(entrySource, descriptor.digest) : entrySource;
  const name = formatImageLocation(location);
  const source = (): Promise<Source> => places.open(entrySource);
  return {
    name,
    descriptor,
    read: async () => {
      const document = embeddedManifest(entry) ?? (await readLimited(await source(), descriptor, options));
      return published({ name, location, document, source, isInPlace: false, descriptor }, options);
    },
  };
}
