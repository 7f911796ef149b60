import type { InspectedChild, Inspection } from '../../client/inspection.js';
import type { Referrer } from '../../content/find-referrers.js';
import { isAttestation } from '../../oci/attestation.js';
import type { Descriptor } from '../../oci/descriptor.js';
import type { ManifestOrIndex } from '../../oci/document.js';
import { CancelledError, LimitError, MultiarchError, NotFoundError } from '../../oci/errors.js';
import { parseImageConfig, type ImageConfig } from '../../oci/image-config.js';
import { isImageConfigType } from '../../oci/media-type.js';

/** An image or index, and what people want to know of it. */
export interface Details {
  readonly descriptor: Descriptor;
  /** `undefined` if it is missing, or could not be read. */
  readonly document: ManifestOrIndex | undefined;
  readonly isMissing: boolean;
  /** `undefined` for other documents than images, for those of a draft, and if it was not requested or could not be read. */
  readonly config: ImageConfig | undefined;
  readonly referrers: readonly Referrer[];
}

export interface DetailOptions {
  /** Called once if some content cannot be read: without a handler, that is an error. Missing content is no error. */
  readonly onUnreadable?: ((message: string) => void) | undefined;
  /** Whether the configs of images are read. */
  readonly configs: boolean;
  /** Called once if referrers cannot be read. */
  readonly warn: (message: string) => void;
}

/** Reads the entries of an index with their referrers, for output. What fails once most likely fails for all. */
export class DetailReader {
  readonly #options: DetailOptions;
  readonly #warned = new Set<string>();

  constructor(options: DetailOptions) {
    this.#options = options;
  }

  /** Reads all entries of an index in parallel, also those of which the cache has a copy: the registry may have lost one. */
  entries({ children }: Inspection): Promise<Details[]> {
    return Promise.all(children.map((child) => this.#entry(child)));
  }

  /** The details of an image or index that was read. */
  async details(inspection: Inspection): Promise<Details> {
    const { descriptor, document } = inspection;
    const [config, referrers] = await Promise.all([
      this.#config(inspection),
      // Attestations are not signed themselves; their image or index is.
      isAttestation(descriptor) ? [] : this.#referrers(inspection),
    ]);
    return { descriptor, document, isMissing: false, config, referrers };
  }

  async #entry(child: InspectedChild): Promise<Details> {
    const { descriptor } = child;
    try {
      return await this.details(await child.read({ allowKept: false }));
    } catch (error) {
      const isMissing = error instanceof NotFoundError;
      if (!isMissing) this.#tolerate(error, 'images that cannot be read', this.#options.onUnreadable);
      return { descriptor, document: undefined, isMissing, config: undefined, referrers: [] };
    }
  }

  /** The config of a draft's image is not read: the draft has everything else, so that it is shown without a network. */
  async #config(inspection: Inspection): Promise<ImageConfig | undefined> {
    const { document, descriptor, state, name } = inspection;
    if (!this.#options.configs || state === 'draft' || document.kind === 'index') return undefined;
    if (isAttestation(descriptor)) return undefined;
    if (!isImageConfigType(document.value.config.mediaType)) return undefined;
    try {
      return parseImageConfig(await inspection.config(), `the config of ${name}`);
    } catch (error) {
      this.#tolerate(error, 'creation times', this.#options.warn);
      return undefined;
    }
  }

  async #referrers(inspection: Inspection): Promise<readonly Referrer[]> {
    try {
      return await inspection.referrers();
    } catch (error) {
      this.#tolerate(error, 'referrers', this.#options.warn);
      return [];
    }
  }

  /** Warns once of what is not shown. @throws what is not an error of reading */
  #tolerate(error: unknown, what: string, warn: ((message: string) => void) | undefined): void {
    if (!(error instanceof MultiarchError) || warn === undefined) throw error;
    if (error instanceof CancelledError || error instanceof LimitError) throw error;
    if (!this.#warned.has(what)) warn(`${what} are not shown: ${error.message}`);
    this.#warned.add(what);
  }
}

/** The annotation of a sigstore bundle that is an attestation rather than a signature. */
const BUNDLE_PREDICATE = 'dev.sigstore.bundle.predicateType';

/** What a referrer is: `signature`, `attestation`, `SBOM`, or its artifact type. */
export function referrerKind({ descriptor, cosign }: Referrer): string {
  if (cosign !== undefined) return cosign.kind === 'sbom' ? 'SBOM' : cosign.kind;
  const { artifactType, mediaType, annotations } = descriptor;
  const type = artifactType ?? mediaType;
  if (/^application\/vnd\.dev\.sigstore\.bundle\b/.test(type)) {
    return annotations?.[BUNDLE_PREDICATE] === undefined ? 'signature' : 'attestation';
  }
  if (/signature|\bcosign\b.*\bsimplesigning\b/.test(type)) return 'signature';
  if (/\b(?:spdx|cyclonedx)\b|syft/.test(type)) return 'SBOM';
  return /in-toto|attestation/.test(type) ? 'attestation' : type;
}
