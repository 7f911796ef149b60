import { readEntries } from '../assemble/read-source.js';
import { imageFor } from '../assemble/select-entries.js';
import type { Referrer } from '../content/find-referrers.js';
import type { Source } from '../content/source.js';
import type { Draft, Entry } from '../drafts/draft.js';
import { draftDocument } from '../drafts/draft-index.js';
import { blocksPush, draftProblems, type DraftProblem } from '../drafts/draft-problems.js';
import { embeddedManifest, entryDescriptor } from '../drafts/entry.js';
import { findEntry } from '../drafts/selection.js';
import { imagePlatforms, isAttestation } from '../oci/attestation.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { Comparable } from '../oci/diff-index.js';
import { childrenOf, documentDescriptor, type ManifestOrIndex } from '../oci/document.js';
import { InvalidError, NotFoundError } from '../oci/errors.js';
import {
  formatImageLocation,
  parseImageLocation,
  withDigest,
  type ImageLocation,
} from '../oci/image-location.js';
import { isIndexType } from '../oci/media-type.js';
import { formatPlatformFull, type Platform } from '../oci/platform.js';
import { selectPlatform } from '../oci/platform-match.js';
import { checkRequiredPlatforms, presentPlatforms } from '../oci/required-platforms.js';
import type { ClientContext } from './client-context.js';
import { platformOf, platformsOf, type PlatformInput } from './inputs.js';

/** An entry of an inspected index. */
export interface InspectedChild {
  /** The full name: `docker.io/library/app@sha256:…`. */
  readonly name: string;
  /** The descriptor in the index. */
  readonly descriptor: Descriptor;
  /**
   * Reads and opens the entry.
   * @param options.allowKept whether a copy in the cache of the client will do, although the registry may have lost the entry
   *   since. @default true
   */
  read(options?: { readonly allowKept?: boolean | undefined }): Promise<Inspection>;
}

/** What inspections use of the context of their call. */
export type InspectionContext = Pick<ClientContext, 'limit' | 'reads' | 'signal' | 'transports'>;

/** Where an image or index is read. */
interface Origin {
  readonly location: ImageLocation;
  readonly open: () => Promise<Source>;
  /** The descriptor in the index that it was reached through. */
  readonly descriptor?: Descriptor;
  /** Whether it was reached through an entry of a draft. */
  readonly isDrafted: boolean;
}

/** An image or index that was read, and access to what it points to. */
export class Inspection {
  /** The full name: `docker.io/library/app:1.2`, or `docker.io/library/app@sha256:…` for a child. */
  readonly name: string;
  /** Whether it is a draft or an image of one, or was read where it is published. */
  readonly state: 'draft' | 'published';
  /** What prevents a push of a draft; empty for everything else. */
  readonly problems: readonly DraftProblem[];
  /** The image or index. For a draft, the index that a push would publish if it has no problems. */
  readonly document: ManifestOrIndex;
  /** The descriptor in the index that it was reached through, else one made from the document. */
  readonly descriptor: Descriptor;
  /** The entries of an index. */
  readonly children: readonly InspectedChild[];
  readonly #context: InspectionContext;
  readonly #origin: Origin | undefined;

  /** @internal */
  constructor(
    context: InspectionContext,
    document: ManifestOrIndex,
    children: readonly InspectedChild[],
    origin: Origin | Draft,
  ) {
    this.#context = context;
    this.#origin = 'location' in origin ? origin : undefined;
    this.name = 'location' in origin ? formatImageLocation(origin.location) : origin.target;
    this.state = this.#origin === undefined || this.#origin.isDrafted ? 'draft' : 'published';
    this.problems = 'location' in origin ? [] : draftProblems(origin).filter(blocksPush);
    this.document = document;
    this.descriptor = this.#origin?.descriptor ?? documentDescriptor(document);
    this.children = children;
  }

  /**
   * Returns the image of an index for a platform, as {@link Multiarch.copy} selects it; if none is for this platform, a
   * compatible one, in containerd's order. An image returns itself if it matches.
   * @throws NotFoundError that lists the platforms that exist
   */
  async select(platform: PlatformInput): Promise<Inspection> {
    return (await this.find(platform)).read();
  }

  /** Finds the image that {@link select} opens, without reading its manifest. @throws NotFoundError, as {@link select} */
  async find(platform: PlatformInput): Promise<InspectedChild> {
    const wanted = platformOf(platform);
    const images = await this.images();
    const platforms = images.map(({ descriptor }) => descriptor.platform);
    const chosen = imageFor(wanted, images) ?? images[selectPlatform(wanted, platforms) ?? -1];
    if (chosen !== undefined) return chosen;
    throw new NotFoundError(`${this.name} has no image for ${formatPlatformFull(wanted)}`, {
      hint: presentPlatforms('It has', platforms),
    });
  }

  /**
   * Returns the images of an index, also those of nested indexes, with their platforms: as their index states them, else as
   * their configs do. An image is the only one. The images of a draft have the platforms that a push would publish.
   */
  async images(): Promise<readonly InspectedChild[]> {
    if (this.document.kind === 'manifest') {
      const platform = await this.platform();
      const descriptor = { ...this.descriptor, ...(platform !== undefined && { platform }) };
      return [{ name: this.name, descriptor, read: async () => this }];
    }
    const origin = this.#origin;
    const entries = await (origin === undefined
      ? this.#draftedImages()
      : publishedEntries(this.#context, this.document, origin));
    return entries.filter(({ descriptor }) => !isAttestation(descriptor));
  }

  async #draftedImages(): Promise<readonly InspectedChild[]> {
    const images = this.children.map(async (child) =>
      isIndexType(child.descriptor.mediaType) ? (await child.read()).images() : [child],
    );
    return (await Promise.all(images)).flat();
  }

  /** Returns the exact bytes of an image's config. @throws InvalidError for an index */
  async config(): Promise<Uint8Array> {
    if (this.document.kind === 'index' || this.#origin === undefined) {
      throw new InvalidError(`${this.name} is an image index, which has no config`, {
        hint: 'Choose one of its images with --platform OS/ARCH.',
      });
    }
    const { config } = this.document.value;
    return this.#context.reads.config(await this.#origin.open(), config, this.#context);
  }

  /** Returns the referrers: signatures, SBOMs and the like. A draft and its entries have none. */
  async referrers(): Promise<readonly Referrer[]> {
    if (this.#origin === undefined || this.#origin.isDrafted) return [];
    const { reads } = this.#context;
    const found = await reads.referrers(await this.#origin.open(), this.document.digest, this.#context);
    // A registry that confuses a referrers tag with its subject lists the subject's children.
    const children = new Set(childrenOf(this.document).map(({ digest }) => digest));
    return found.filter(({ descriptor: { digest } }) => !children.has(digest));
  }

  /** Returns the platform in the index, else the one in the image's config; `undefined` for other content. */
  async platform(): Promise<Platform | undefined> {
    const { document, descriptor, name } = this;
    if (descriptor.platform !== undefined) return descriptor.platform;
    if (document.kind === 'index' || this.#origin === undefined) return undefined;
    const { limit, signal, reads } = this.#context;
    const [entry] = await readEntries(await this.#origin.open(), document, name, { limit, signal, reads });
    return entry?.descriptor.platform;
  }

  /** Checks that an image exists for each platform. @throws RequirementError that lists the missing and the present ones */
  async requirePlatforms(required: readonly PlatformInput[]): Promise<void> {
    const wanted = platformsOf(required);
    const images = await this.images();
    const label = this.#origin === undefined ? `the draft ${this.name}` : this.name;
    checkRequiredPlatforms(wanted, imagePlatforms(images.map(({ descriptor }) => descriptor)), label);
  }

  /** Returns an argument of `diffIndexes`. Reads the config of an image whose index does not state its platform. */
  async comparable(): Promise<Comparable> {
    const { document, descriptor } = this;
    if (document.kind === 'index') return document;
    const platform = await this.platform();
    return { kind: 'manifest', descriptor: { ...descriptor, ...(platform !== undefined && { platform }) } };
  }
}

/** Opens a draft, also one that cannot be published as it is. */
export function inspectDraft(context: InspectionContext, draft: Draft): Inspection {
  const children = draft.entries.map((entry) => draftChild(context, entry));
  return new Inspection(context, draftDocument(draft), children, draft);
}

/** Reads one entry of a draft. @throws NotFoundError, ArgumentError as `findEntry` */
export function inspectDraftEntry(
  context: InspectionContext,
  draft: Draft,
  selector: string,
): Promise<Inspection> {
  try {
    return draftChild(context, findEntry(draft, selector)).read();
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
    throw noSuchEntry(selector, `The draft ${draft.target} does not have it. ${error.hint ?? ''}`.trim());
  }
}

/** The error of docker, which looks for the entry's own file in its store. */
export function noSuchEntry(selector: string, hint: string): NotFoundError {
  return new NotFoundError(`No such manifest: ${selector}`, { hint });
}

/** Reads what is published at a location. @throws NotFoundError */
export async function inspectPublished(
  context: InspectionContext,
  location: ImageLocation,
): Promise<Inspection> {
  const { transports, signal } = context;
  const source = await transports.open(location);
  const selector = await transports.selector(location, { signal });
  const document = await source.readManifest(selector, { signal });
  return inspect(context, document, { location, open: async () => source, isDrafted: false });
}

function inspect(context: InspectionContext, document: ManifestOrIndex, origin: Origin): Inspection {
  const manifests = document.kind === 'index' ? document.value.manifests : [];
  const children = manifests.map((descriptor) => publishedChild(context, descriptor, origin));
  return new Inspection(context, document, children, origin);
}

/** The entries of an index and of the indexes in it, as `create` and `copy` read them. */
async function publishedEntries(
  context: InspectionContext,
  document: ManifestOrIndex,
  origin: Origin,
): Promise<readonly InspectedChild[]> {
  const { limit, signal, reads } = context;
  const source = await origin.open();
  const entries = await readEntries(source, document, source.label, { limit, signal, reads });
  return entries.map((entry) => publishedChild(context, entry.descriptor, origin, () => entry.document));
}

/** An entry of an index, or of an index in it. */
function publishedChild(
  context: InspectionContext,
  descriptor: Descriptor,
  origin: Origin,
  known?: () => ManifestOrIndex | undefined,
): InspectedChild {
  const location = childLocation(origin.location, descriptor);
  return childOf(context, descriptor, { ...origin, location }, known);
}

/** An entry of a draft. Its manifest is read from the draft if it has that, else from the source of the entry. */
function draftChild(context: InspectionContext, entry: Entry): InspectedChild {
  const descriptor = entryDescriptor(entry);
  const source = parseImageLocation(entry.source);
  // An entry without its manifest came from an index, which may be the source of other entries too.
  const location = entry.manifest === undefined ? childLocation(source, descriptor) : source;
  const origin = { location, open: () => context.transports.open(source), isDrafted: true };
  return childOf(context, descriptor, origin, () => embeddedManifest(entry));
}

function childOf(
  context: InspectionContext,
  descriptor: Descriptor,
  origin: Origin,
  known?: () => ManifestOrIndex | undefined,
): InspectedChild {
  const read = async (allowKept: boolean | undefined): Promise<ManifestOrIndex> =>
    context.reads.child(await origin.open(), descriptor, { ...context, allowKept });
  return {
    name: formatImageLocation(origin.location),
    descriptor,
    read: async ({ allowKept } = {}) =>
      inspect(context, known?.() ?? (await read(allowKept)), { ...origin, descriptor }),
  };
}

/** The location of a child. In a registry it keeps the tag of its index, as docker prints it. */
function childLocation(parent: ImageLocation, { digest }: Descriptor): ImageLocation {
  return parent.transport === 'registry'
    ? { transport: 'registry', reference: { ...parent.reference, digest } }
    : withDigest(parent, digest);
}
