import type { Assembly } from '../assemble/assembly.js';
import type { AttestationsMode } from '../assemble/select-entries.js';
import type { Draft } from '../drafts/draft.js';
import type { LayerCompression } from '../layout/docker-save/docker-archive.js';
import type { Annotations, Descriptor } from '../oci/descriptor.js';
import type { MediaType } from '../oci/media-type.js';
import type { Platform } from '../oci/platform.js';
import {
  descriptorOf,
  platformOf,
  platformsOf,
  type CallOptions,
  type DescriptorInput,
  type ImageSource,
  type PlatformInput,
} from './inputs.js';

/** What `Multiarch.create` takes. */
export interface CreateOptions extends CallOptions {
  /** The media type of the index; `auto` takes it from the first entry. @default 'auto' */
  readonly format?: Draft['format'] | undefined;
  /** Annotations of the index. */
  readonly annotations?: Annotations | undefined;
  /** The type of the artifact that the index is, if it is one. */
  readonly artifactType?: MediaType | undefined;
  /** The descriptor of a manifest that the index refers to. */
  readonly subject?: DescriptorInput | undefined;
  /** Keep only these platforms, each of which must exist; fills in `{arch}` in the names of sources. @default all */
  readonly platforms?: readonly PlatformInput[] | undefined;
  /**
   * Keep or drop attestations (provenance, SBOM); `from-referrers` keeps them, and adds those that are attached to the
   * images as referrers. @default 'keep'
   */
  readonly attestations?: AttestationsMode | undefined;
  /** How long to wait for missing sources, in milliseconds. @default 0 */
  readonly wait?: number | undefined;
  /** Compression for layers that `docker save` stored uncompressed. @default 'gzip' */
  readonly layerCompression?: LayerCompression | undefined;
  /** Add to an existing draft, and refresh the sources that it already has. @default false */
  readonly amend?: boolean | undefined;
  /** Start from what is published under this name. The draft must not exist. */
  readonly from?: ImageSource | undefined;
  /** Replace an existing entry of the same platform and its attestations. @default false */
  readonly replace?: boolean | undefined;
  /** Platforms that the finished draft must have. @default none */
  readonly require?: readonly PlatformInput[] | undefined;
  /** Annotations of entries. */
  readonly entryAnnotations?: readonly EntryAnnotations[] | undefined;
  /** Copy labels common to all images to annotations of the index. @default false */
  readonly annotationsFromLabels?: boolean | undefined;
  /** Further tags, or references elsewhere, saved in the draft: every push of it moves them after its own. */
  readonly draftTags?: readonly string[] | undefined;
}

/** Annotations of the entries for a platform. */
export interface EntryAnnotations {
  /** @default all images */
  readonly platform?: PlatformInput | undefined;
  /** Without a platform: attestations too. @default false */
  readonly attestations?: boolean | undefined;
  /** Added to the existing annotations. */
  readonly annotations: Annotations;
}

/** {@link CreateOptions}, checked and parsed. */
export interface CreateSettings extends Omit<
  CreateOptions,
  'platforms' | 'require' | 'entryAnnotations' | 'subject'
> {
  readonly platforms: readonly Platform[];
  readonly require: readonly Platform[];
  readonly entryAnnotations: readonly {
    readonly platform: Platform | undefined;
    readonly attestations: boolean | undefined;
    readonly annotations: Annotations;
  }[];
  readonly subject: Descriptor | undefined;
}

/**
 * Returns what an assembly says in addition to its target and its images as options of `Multiarch.create`:
 * `create(assembly.target, assembly.images, assemblyOptions(assembly))`.
 */
export function assemblyOptions(assembly: Assembly): CreateOptions {
  const { tags, format, annotations, artifactType, subject, attestations, require } = assembly;
  return { draftTags: tags, format, annotations, artifactType, subject, attestations, require };
}

/** @throws ArgumentError for a platform or digest that is malformed */
export function createSettings(options: CreateOptions): CreateSettings {
  return {
    ...options,
    platforms: platformsOf(options.platforms),
    require: platformsOf(options.require),
    entryAnnotations: (options.entryAnnotations ?? []).map(({ platform, attestations, annotations }) => ({
      attestations,
      platform: platform === undefined ? undefined : platformOf(platform),
      annotations,
    })),
    subject: options.subject === undefined ? undefined : descriptorOf(options.subject),
  };
}
