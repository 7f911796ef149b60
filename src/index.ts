/**
 * multiarch as a library: assemble, check and publish multi-arch images from a program.
 * {@link Multiarch} is the whole; the rest are the parts that its calls take and give.
 * @module
 */
export { Multiarch } from './client/multiarch.js';
export { assemblyOptions } from './client/assembly-options.js';
export type { CreateOptions, DraftState, EntryAnnotations } from './client/create.js';
export type { CopyOptions, CopyResult } from './client/copy.js';
export type { PushOptions, PushResult } from './client/push.js';
export type { UndoResult as Undo, UndoneTag, UndoOptions } from './client/undo.js';
export type {
  SavedLogin as KeptLogin,
  LoginInput as Login,
  LogoutResult as Logout,
  ShownLogin,
} from './client/login.js';
export type { MultiarchOptions } from './client/client-context.js';
export type { Credential } from './auth/credentials/credential.js';
export type { ExplicitCredential as GivenLogin } from './auth/credentials/static-credential-provider.js';
export type { Inspection, InspectedChild } from './client/inspection.js';

export { ImageLayout } from './layout/directory/image-layout.js';
export type { LayerCompression } from './layout/docker-save/docker-archive.js';
export { MemoryStore } from './content/memory-store.js';
export type { ReadOptions, Selector, Source } from './content/source.js';
export type { Target, WriteBlobOptions } from './content/target.js';
export type { BlobOutcome, OnEvent, WorkEvent } from './content/events.js';
export type { HttpEvent, HttpMethod } from './http/message.js';
export type { TlsFiles } from './http/tls/tls-config.js';

export type { Draft, Entry, EntryOverride } from './drafts/draft.js';
export type { DraftProblem } from './drafts/draft-problems.js';
export type { DamagedDraft, DraftList } from './drafts/store.js';
export type { EntryChanges, IndexChanges, PlatformField } from './drafts/annotate.js';
export { parseAssembly } from './assemble/assembly-file.js';
export type { Assembly, AssemblyImage } from './assemble/assembly.js';
export { readDigestFolder } from './assemble/digest-folder.js';
export { SourcesError } from './assemble/read-sources.js';
export type { PlannedContent, PushPlan } from './publish/plan.js';
export type { ExpectedTag } from './publish/expected-tag.js';
export type { Publication, PushedChild, TagChange } from './publish/publish.js';
export type { PlatformReport, PushReport, TagReport } from './publish/push-report.js';

export type { Annotations } from './oci/descriptor.js';
export type { Descriptor } from './oci/descriptor.js';
export { diffIndexes } from './oci/diff-index.js';
export type { Comparable, IndexDiff } from './oci/diff-index.js';
export { digestOf, isDigest, parseDigest } from './oci/digest.js';
export type { Digest, DigestAlgorithm } from './oci/digest.js';
export type { ManifestOrIndex as Document, IndexDocument, ManifestDocument } from './oci/document.js';
export * from './oci/errors.js';
export type { ImageConfig } from './oci/image-config.js';
export type { ImageIndex } from './oci/image-index.js';
export { formatImageLocation, parseImageLocation } from './oci/image-location.js';
export type {
  DockerDaemonLocation,
  ImageLocation,
  RegistryLocation,
  TargetLocation,
} from './oci/image-location.js';
export type { DockerArchiveLocation, LayoutLocation } from './oci/path-location.js';
export type { ImageManifest } from './oci/image-manifest.js';
export type { MediaType } from './oci/media-type.js';
export { parseDocument } from './oci/parse.js';
export { formatPlatform, parsePlatform, samePlatform } from './oci/platform.js';
export type { Platform } from './oci/platform.js';
export { parsePlatformList } from './oci/required-platforms.js';
export { formatReference, parseReference, parseTag } from './oci/reference.js';
export type { Reference, RegistryHost, Repository, RepositoryPath, Tag } from './oci/reference.js';
export { createIndexDocument } from './oci/serialise.js';
export { validateDocument } from './oci/validate.js';
