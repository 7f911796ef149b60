import { chooseContent, type ChosenContent } from '../assemble/choose-content.js';
import type { Source } from '../content/source.js';
import type { LayerCompression } from '../layout/docker-save/docker-archive.js';
import { documentDescriptor, type ManifestOrIndex } from '../oci/document.js';
import { familiarLocation, isUntagged, type ImageLocation } from '../oci/image-location.js';
import { OCI_INDEX } from '../oci/media-type.js';
import type { Subject } from '../publish/collect-referrers.js';
import { planPush, type PushPlan } from '../publish/plan.js';
import type { SourcedEntry } from '../publish/target-state.js';
import type { Access } from '../registry/requests.js';
import type { ClientContext } from './client-context.js';
import { checkDigests, expectedTag, openDestinations, startTagStates } from './destinations.js';
import {
  expectedTagOf,
  platformsOf,
  type CallOptions,
  type ImageSource,
  type ImageTarget,
  type PlatformInput,
} from './inputs.js';
import { draftBeside, ignoresDrafts, readPublished } from './inspect.js';
import { inspectDraft } from './inspection.js';
import { draftLocation, locationOf, manifestFormat } from './locations.js';
import { publishRecorded, type PreparedPush, type PushResult } from './push-record.js';
import { moveOptions, type PushOptions } from './push.js';

/** What `Multiarch.copy` takes. */
export interface CopyOptions
  extends CallOptions, Pick<PushOptions, 'tags' | 'expectCurrent' | 'referrers' | 'allowNondistributable'> {
  /**
   * Of an index, one platform selects the image itself, several a smaller index. Each must exist. An image must be for the
   * selected platform.
   * @default all
   */
  readonly platforms?: readonly PlatformInput[] | undefined;
  /** Keep or drop the attestations of an index (provenance, SBOM). @default 'keep' */
  readonly attestations?: 'keep' | 'drop' | undefined;
  /** Compression for layers that `docker save` stored uncompressed. @default 'gzip' */
  readonly layerCompression?: LayerCompression | undefined;
  /** Read the config of a single image, so that the report states its platform. @default false */
  readonly configs?: boolean | undefined;
  /** Do not warn of a draft that has the name of the source. A copy always reads what is published. @default false */
  readonly published?: boolean | undefined;
}

/** What was copied. */
export type CopyResult = PushResult;

/**
 * Copies an image or index with everything that it points to, and records what the tags pointed to before.
 * @throws RequirementError if a platform is missing, InvalidError if `to` has another digest than what is copied,
 *   ConflictError if its tag is not as expected
 */
export async function copyContent(
  context: ClientContext,
  from: ImageSource,
  to: ImageTarget,
  options: CopyOptions,
): Promise<CopyResult> {
  const push = await prepare(context, from, to, options, 'push');
  return publishRecorded(context, push.destinations[0].location, push, moveOptions(context, options));
}

/** Returns what {@link copyContent} would do, without the referrers. Nothing is written. */
export async function planCopy(
  context: ClientContext,
  from: ImageSource,
  to: ImageTarget,
  options: CopyOptions,
): Promise<PushPlan> {
  const push = await prepare(context, from, to, options, 'pull');
  return planPush(push, moveOptions(context, options));
}

/** Reads and checks everything that precedes the first write. */
async function prepare(
  context: ClientContext,
  from: ImageSource,
  to: ImageTarget,
  options: CopyOptions,
  access: Access,
): Promise<PreparedPush> {
  const { limit, signal, onEvent, transports } = context;
  const { expectCurrent, layerCompression, attestations, configs, tags = [] } = options;
  const selection = { platforms: platformsOf(options.platforms), attestations };
  const expectation = expectCurrent === undefined ? undefined : expectedTagOf(expectCurrent);
  const location = locationOf(context, from);
  // Opened before anything is read, so that the first token covers all requests.
  const target = draftLocation(context, to);
  const destinations = await openDestinations(context, target, tags, {
    access,
    isDefaultTag: typeof to === 'string' && isUntagged(to),
  });
  const expected = expectedTag(expectation, destinations);
  const source = await transports.open(location);
  const tagStates = startTagStates(context, destinations);
  const format = await manifestFormat(context, target);
  const selector = await transports.selector(location, { layerCompression, format, signal });
  const read = await readPublished(context, location, () =>
    limit(() => source.readManifest(selector, { signal })),
  );
  if (!ignoresDrafts(from, options)) await warnOfDraft(context, location, read);
  const label = familiarLocation(location);
  const chosen = await chooseContent(source, read, label, selection, {
    limit,
    signal,
    onEvent,
    configs,
    ...(format === 'oci' && { indexType: OCI_INDEX }),
  });
  const { document, entries, platform } = chosen;
  checkDigests(destinations, document, `what is copied of ${label} is`);
  const children = childrenOfChosen(source, chosen);
  if (document.kind === 'index' || platform !== undefined) {
    onEvent?.({ kind: 'resolved', source: label, entries: children.map(({ descriptor }) => descriptor) });
  }
  const seen = [read, document, ...entries.flatMap((entry) => entry.document ?? [])];
  return {
    document,
    platform,
    children,
    destinations,
    tagStates,
    expectCurrent: expected,
    presentDigests: new Map([[source, new Set(seen.map(({ digest }) => digest))]]),
    ...(options.referrers === true && { subjects: subjectsOf(source, document, children) }),
  };
}

/** Warns of a draft of the source that is not what is published, since it may have been meant. */
async function warnOfDraft(
  context: ClientContext,
  location: ImageLocation,
  { digest }: ManifestOrIndex,
): Promise<void> {
  const draft = await draftBeside(context, location);
  if (draft === undefined || inspectDraft(context, draft).document.digest === digest) return;
  const name = familiarLocation(location);
  const message = `the draft ${name} is not copied, since it differs from what is published (--published omits this warning)`;
  context.onEvent?.({ kind: 'warning', message });
}

function childrenOfChosen(source: Source, { document, entries, platform }: ChosenContent): SourcedEntry[] {
  if (document.kind === 'index') return entries.map((entry) => ({ ...entry, source }));
  const descriptor = { ...documentDescriptor(document), ...(platform !== undefined && { platform }) };
  return [{ descriptor, source, document }];
}

/**
 * Returns the digests whose referrers are copied. A reduced index is one of them, since the same may have been published
 * before. It is last, so that a source that does not have it is asked first for something that it has.
 */
function subjectsOf(source: Source, document: ManifestOrIndex, children: readonly SourcedEntry[]): Subject[] {
  const digests = new Set([...children.map(({ descriptor }) => descriptor.digest), document.digest]);
  return [...digests].map((digest) => ({ digest, source }));
}
