import { chooseContent, type ChosenContent } from '../assemble/choose-content.js';
import type { Source } from '../content/source.js';
import type { LayerCompression } from '../layout/docker-save/docker-archive.js';
import { documentDescriptor, type ManifestOrIndex } from '../oci/document.js';
import { familiarLocation, type TargetLocation } from '../oci/image-location.js';
import type { Platform } from '../oci/platform.js';
import type { Subject } from '../publish/collect-referrers.js';
import { planPush, type PushPlan } from '../publish/plan.js';
import type { ExpectedTag } from '../publish/expected-tag.js';
import { readTagStates, type SourcedEntry } from '../publish/target-state.js';
import type { Publication, PublishRequest } from '../publish/publish.js';
import { pushReport, type PushReport } from '../publish/push-report.js';
import type { Access } from '../registry/requests.js';
import { publishRecorded } from './push-record.js';
import { checkDigests, expectedTag, moveOptions, openDestinations, type OpenDestinations } from './push.js';
import type { ClientContext } from './client-context.js';

export interface CopyOptions {
  /**
   * Of an index, one platform gives the image itself, several a smaller index. Each must be there. An image must be for the
   * one asked for.
   * @default all
   */
  readonly platforms?: readonly Platform[] | undefined;
  /** What becomes of statements about the images of an index. @default 'keep' */
  readonly attestations?: 'keep' | 'drop' | undefined;
  /** Signatures, SBOMs and the like that refer to what is copied go along. @default false */
  readonly referrers?: boolean | undefined;
  /** Further tags of the target's repository, or references elsewhere; `latest` moves last, wherever it is. */
  readonly tags?: readonly string[] | undefined;
  /**
   * What the target's own tag must stand for: this digest, nothing yet, or anything. A tag that stands for what is copied
   * already is always fine.
   * @default 'any'
   */
  readonly expectCurrent?: ExpectedTag | 'any' | undefined;
  /** Move layers too that are not for distribution, where the source holds them. @default false */
  readonly allowNondistributable?: boolean | undefined;
  /** What becomes of layers that an archive of `docker save` holds uncompressed. @default 'gzip' */
  readonly layerCompression?: LayerCompression | undefined;
  /** Read the config of an image that is copied as it is, so that the report says its platform. @default false */
  readonly configs?: boolean | undefined;
}

export interface CopyResult extends Publication {
  /** The same for other programs, with names in full. */
  readonly report: PushReport;
}

interface PreparedCopy {
  readonly target: TargetLocation;
  readonly destinations: OpenDestinations;
  readonly request: PublishRequest;
  readonly platform: Platform | undefined;
}

/**
 * Copies an image or index with all that it points to, byte for byte, and writes down what the tags stood for before.
 * @param from as on the command line; `to` too: without a tag or digest, its tag is `latest`
 * @throws RequirementError where a platform is not there, InvalidError where `to` has another digest than what is copied,
 *   ConflictError where its tag is not as expected
 */
export async function copyContent(
  run: ClientContext,
  from: string,
  to: string,
  options: CopyOptions = {},
): Promise<CopyResult> {
  const { target, destinations, request, platform } = await prepare(run, from, to, options, 'push');
  const publication = await publishRecorded(run, target, request, destinations, moveOptions(run, options));
  const { document } = request;
  return { ...publication, report: pushReport({ document, platform, publication, destinations }) };
}

/** What {@link copyContent} would do. Nothing is written anywhere. What refers to the content is not part of it. */
export async function planCopy(
  run: ClientContext,
  from: string,
  to: string,
  options: CopyOptions = {},
): Promise<PushPlan> {
  const { request } = await prepare(run, from, to, options, 'pull');
  return planPush(request, moveOptions(run, options));
}

/** All that is known before anything is written. */
async function prepare(
  run: ClientContext,
  from: string,
  to: string,
  options: CopyOptions,
  access: Access,
): Promise<PreparedCopy> {
  const { limit, signal, onEvent } = run;
  const location = run.location(from);
  const target = run.draftTarget(to);
  // Opened before anything is read, so that the first token allows all that follows.
  const destinations = await openDestinations(run, target, options.tags, access);
  const expectCurrent = expectedTag(options.expectCurrent, destinations);
  const source = await run.transports.open(location);
  const tagStates = readTagStates(destinations, { limit, signal });
  // Awaited when all is read: what fails before that must not leave this one unheard.
  tagStates.catch(() => {});
  const { layerCompression, platforms, attestations, configs } = options;
  const selector = await run.transports.selector(location, { layerCompression, signal });
  const read = await limit(() => source.readManifest(selector, { signal }));
  const label = familiarLocation(location);
  const selection = { platforms, attestations };
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
 * What others may refer to: also an index that was made smaller, since someone may have published the same before. Last, so
 * that a source that does not hold it is asked first for something that it holds.
 */
function subjectsOf(source: Source, document: ManifestOrIndex, children: readonly SourcedEntry[]): Subject[] {
  const digests = new Set([...children.map(({ descriptor }) => descriptor.digest), document.digest]);
  return [...digests].map((digest) => ({ digest, source }));
}
