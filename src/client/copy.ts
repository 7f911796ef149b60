import { chooseContent, type ChosenContent } from '../assemble/choose-content.js';
import type { Source } from '../content/source.js';
import type { LayerCompression } from '../layout/docker-save/docker-archive.js';
import { documentDescriptor, type ManifestOrIndex } from '../oci/document.js';
import { familiarLocation, type TargetLocation } from '../oci/image-location.js';
import type { Platform } from '../oci/platform.js';
import type { Subject } from '../publish/collect-referrers.js';
import { planPush, type PushPlan } from '../publish/plan.js';
import { readTagStates, type SourcedEntry } from '../publish/target-state.js';
import type { Publication, PublishRequest } from '../publish/publish.js';
import { pushReport, type PushReport } from '../publish/push-report.js';
import type { Access } from '../registry/requests.js';
import { publishRecorded } from './push-record.js';
import { checkDigests, expectedTag, moveOptions, openDestinations, type OpenDestinations } from './push.js';
import type { ClientContext } from './client-context.js';
import {
  expectedTagOf,
  platformsOf,
  type CallOptions,
  type ImageSource,
  type ImageTarget,
  type PlatformInput,
} from './inputs.js';

export interface CopyOptions extends CallOptions {
  /**
   * Of an index, one platform selects the image itself, several a smaller index. Each must exist. An image must be for the
   * selected platform.
   * @default all
   */
  readonly platforms?: readonly PlatformInput[] | undefined;
  /** Keep or drop the attestations of an index (provenance, SBOM). @default 'keep' */
  readonly attestations?: 'keep' | 'drop' | undefined;
  /** Also copy the referrers: signatures, SBOMs and the like. @default false */
  readonly referrers?: boolean | undefined;
  /** Further tags of the target's repository, references elsewhere, or images in objects; `latest` moves last. */
  readonly tags?: readonly ImageTarget[] | undefined;
  /**
   * What the target's own tag must point to: a digest, `none` for a tag that must not exist, or `any`. A tag that points to
   * what is copied already is always accepted.
   * @default 'any'
   */
  readonly expectCurrent?: string | undefined;
  /** Also copy non-distributable layers, if the source has them. @default false */
  readonly allowNondistributable?: boolean | undefined;
  /** Compression for layers that `docker save` stored uncompressed. @default 'gzip' */
  readonly layerCompression?: LayerCompression | undefined;
  /** Read the config of a single image, so that the report states its platform. @default false */
  readonly configs?: boolean | undefined;
}

export interface CopyResult extends Publication {
  /** The same as plain data, with names in full. */
  readonly report: PushReport;
}

interface PreparedCopy {
  readonly target: TargetLocation;
  readonly destinations: OpenDestinations;
  readonly request: PublishRequest;
  readonly platform: Platform | undefined;
}

/**
 * Copies an image or index with everything that it points to, and records what the tags pointed to before.
 * @throws RequirementError if a platform is missing, InvalidError if `to` has another digest than what is copied,
 *   ConflictError if its tag is not as expected
 */
export async function copyContent(
  context: ClientContext,
  from: ImageSource,
  to: ImageTarget,
  options: CopyOptions = {},
): Promise<CopyResult> {
  const { target, destinations, request, platform } = await prepare(context, from, to, options, 'push');
  const publication = await publishRecorded(
    context,
    target,
    request,
    destinations,
    moveOptions(context, options),
  );
  const { document } = request;
  return { ...publication, report: pushReport({ document, platform, publication, destinations }) };
}

/** Returns what {@link copyContent} would do, without the referrers. Nothing is written. */
export async function planCopy(
  context: ClientContext,
  from: ImageSource,
  to: ImageTarget,
  options: CopyOptions = {},
): Promise<PushPlan> {
  const { request } = await prepare(context, from, to, options, 'pull');
  return planPush(request, moveOptions(context, options));
}

/** Reads and checks everything that precedes the first write. */
async function prepare(
  context: ClientContext,
  from: ImageSource,
  to: ImageTarget,
  options: CopyOptions,
  access: Access,
): Promise<PreparedCopy> {
  const { limit, signal, onEvent } = context;
  const { expectCurrent: expected, layerCompression, attestations, configs } = options;
  const selection = { platforms: options.platforms && platformsOf(options.platforms), attestations };
  const expectation = expected === undefined ? undefined : expectedTagOf(expected);
  const location = context.location(from);
  const target = context.draftTarget(to);
  // Opened before anything is read, so that the first token covers all requests.
  const destinations = await openDestinations(context, target, options.tags, access);
  const expectCurrent = expectedTag(expectation, destinations);
  const source = await context.transports.open(location);
  const tagStates = readTagStates(destinations, { limit, signal });
  // Awaited once everything is read; an earlier failure must not leave an unhandled rejection.
  tagStates.catch(() => {});
  const selector = await context.transports.selector(location, { layerCompression, signal });
  const read = await limit(() => source.readManifest(selector, { signal }));
  const label = familiarLocation(location);
  const chosen = await chooseContent(source, read, label, selection, { limit, signal, onEvent, configs });
  const { document, entries, platform } = chosen;
  checkDigests(destinations, document, `what is copied of ${label} is`);
  const children = childrenOfChosen(source, chosen);
  if (document.kind === 'index' || platform !== undefined) {
    onEvent?.({ kind: 'resolved', source: label, entries: children.map(({ descriptor }) => descriptor) });
  }
  const seen = [read, document, ...entries.flatMap((entry) => entry.document ?? [])];
  return {
    target,
    destinations,
    platform,
    request: {
      document,
      children,
      destinations,
      tagStates,
      expectCurrent,
      presentDigests: new Map([[source, new Set(seen.map(({ digest }) => digest))]]),
      ...(options.referrers === true && { subjects: subjectsOf(source, document, children) }),
    },
  };
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
