/**
 * multiarch as a library: assembles, checks and publishes multi-arch images from a program.
 *
 * Start with {@link Multiarch}; the other exports are its argument and result types, and the parts that they are made of.
 * @packageDocumentation
 */
import { ImageLayout as ImageLayoutDirectory } from './layout/directory/image-layout.js';
import type { ReadOptions, Selector } from './content/source.js';
import type { Target } from './content/target.js';

export { Multiarch } from './client/multiarch.js';
export { assemblyOptions } from './client/create-options.js';
export type { CreateAndPushOptions, CreateAndPushResult } from './client/create-and-push.js';
export type { ListInput } from './client/create-lists.js';
export type { CreateOptions, EntryAnnotations } from './client/create-options.js';
export type { DraftState } from './client/draft-state.js';
export type {
  CallOptions,
  DescriptorInput,
  ImageSource,
  ImageTarget,
  PartialDescriptorInput,
  PlatformInput,
  SourceImage,
  TargetImage,
} from './client/inputs.js';
export type { NamedSource, ObjectSource, SourceInput, SourceSettings } from './client/sources.js';
export type { CopyOptions, CopyResult } from './client/copy.js';
export type { PushOptions } from './client/push.js';
export type { PushResult } from './client/push-record.js';
export type { TagsOptions, TagsResult } from './client/tags.js';
export type { TagOrder } from './oci/tag-order.js';
export type { UndoneTag, UndoOptions, UndoResult } from './client/undo.js';
export type {
  LoginInput,
  LogoutResult,
  SavedLogin,
  ShowLoginOptions,
  ShownLogin,
  VerifiedLogin,
} from './client/login.js';
export type { ExplicitLogin, MultiarchOptions } from './client/client-context.js';
export type { RegistryCredential } from './auth/credentials/credential.js';
export type { DeleteOptions, DeleteResult } from './client/delete.js';
export type { DigestOptions, DigestResult } from './client/digest.js';
export type { InspectOptions } from './client/inspect.js';
export type { CachePart, CacheUsage } from './cache/cache-usage.js';
export type { Inspection, InspectedChild } from './client/inspection.js';

/**
 * An OCI image layout directory (image-spec, "OCI Image Layout"). Only images that are written under a tag are listed in
 * its `index.json`. Nothing is created before the first write. Several processes may write to one layout at the same time.
 */
export interface ImageLayout extends Target {
  /**
   * Returns the digest of the only image.
   * @throws NotFoundError if there is no image; ArgumentError if there are several
   */
  defaultSelector(options?: ReadOptions): Promise<Selector>;
}
export const ImageLayout: new (options: { readonly path: string }) => ImageLayout = ImageLayoutDirectory;
export type { LayerCompression } from './layout/docker-save/docker-archive.js';
export { MemoryStore } from './content/memory-store.js';
export type {
  BlobSource,
  ByteStream,
  ListTagsOptions,
  ReadManifestOptions,
  ReadOptions,
  Selector,
  Source,
} from './content/source.js';
export type { Target, WriteBlobOptions, WriteManifestOptions } from './content/target.js';
export type { Referrer } from './content/find-referrers.js';
export type { CosignKind, CosignTag } from './oci/referrers.js';
export type { RunLimits } from './content/budget.js';
export type { ReferrersLists } from './content/referrers-tag.js';
export type { BlobOutcome, LockWait, OnEvent, WorkEvent } from './content/events.js';
export type { HttpEvent, HttpMethod } from './http/message.js';
export type { RegistrySettings } from './client/registry-settings.js';
export type { TlsFiles } from './http/tls/tls-config.js';

export type { Draft, Entry, EntryOverride, SourceIndex } from './drafts/draft.js';
export type { DraftProblem } from './drafts/draft-problems.js';
export type { DraftProblemKind } from './drafts/problem-hints.js';
export type { DamagedDraft, DraftList } from './drafts/store.js';
export type { EntryChanges, IndexChanges, PlatformField } from './drafts/annotate.js';
export { parseAssemblies, parseAssembly } from './assemble/assembly-file.js';
export type { AssemblyFileOptions } from './assemble/assembly-file.js';
export type { Variables } from './assemble/variables.js';
export type { AttestationsMode } from './assemble/select-entries.js';
export type { Assembly, AssemblyImage, ListedDescriptor } from './assemble/assembly.js';
export { readDigestFolder } from './assemble/digest-folder.js';
export type { PlannedContent, PushPlan } from './publish/plan.js';
export type { ExpectedTag } from './publish/expected-tag.js';
export type { Publication, PushedChild } from './publish/publish.js';
export type { TagChange } from './publish/tag-change.js';
export type { PlatformReport, PushReport, TagReport } from './publish/push-report.js';

export type { Annotations, Descriptor } from './oci/descriptor.js';
export { diffIndexes } from './oci/diff-index.js';
export type {
  ChangedEntry,
  Comparable,
  DiffEntry,
  EntriesDiff,
  IndexDiff,
  OrderedEntry,
} from './oci/diff-index.js';
export type {
  AnnotationChanges,
  Changes,
  DescriptorChanges,
  IndexFieldChanges,
  ValueChange,
} from './oci/diff-values.js';
export { digestOf, isDigest, parseDigest } from './oci/digest.js';
export type { Digest, DigestAlgorithm } from './oci/digest.js';
export type { DocumentBase, IndexDocument, ManifestDocument, ManifestOrIndex } from './oci/document.js';
export {
  ArgumentError,
  CancelledError,
  ConflictError,
  FailedError,
  InvalidError,
  isMultiarchError,
  MultiarchError,
  NotFoundError,
  RateLimitedError,
  RequirementError,
  SourcesError,
  UnauthorizedError,
  UnavailableError,
} from './oci/errors.js';
export type {
  ErrorKind,
  FailedExchange,
  FailedTag,
  MultiarchErrorOptions,
  MultiarchErrors,
  Problem,
  RegistryErrorDetail,
  RequestLine,
} from './oci/errors.js';
export type { ImageConfig } from './oci/image-config.js';
export type { ImageIndex } from './oci/image-index.js';
export { formatImageLocation, parseImageLocation } from './oci/image-location.js';
export type {
  DockerDaemonLocation,
  ImageLocation,
  ObjectLocation,
  RegistryLocation,
  TargetLocation,
} from './oci/image-location.js';
export type { DockerArchiveLocation, LayoutLocation } from './oci/path-location.js';
export type { ImageManifest } from './oci/image-manifest.js';
export type { MediaType } from './oci/media-type.js';
export { parseDocument } from './oci/parse.js';
export type { DocumentClaim } from './oci/parse.js';
export { formatPlatform, parsePlatform, samePlatform } from './oci/platform.js';
export type { LoosePlatform, Platform } from './oci/platform.js';
export { parsePlatformList } from './oci/required-platforms.js';
export { formatReference, parseReference, parseTag } from './oci/reference.js';
export { parseRefName } from './oci/ref-name.js';
export type { RefName, Reference, RegistryHost, Repository, RepositoryPath, Tag } from './oci/reference.js';
export { createIndexDocument } from './oci/serialise.js';
export { DOCUMENT_KINDS } from './oci/document-kind.js';
export type { DocumentKind } from './oci/document-kind.js';
export { validateDocument } from './oci/validate.js';
