import type { Digest } from '../oci/digest.js';
import { familiarLocation, formatImageLocation, type ImageLocation } from '../oci/image-location.js';
import type { Platform } from '../oci/platform.js';
import type { CopyGraphOptions } from '../publish/copy-graph.js';
import { publishTogether, type Publication, type PublishRequest } from '../publish/publish.js';
import { pushReport, type PushReport } from '../publish/push-report.js';
import { pushGroup } from '../drafts/history-file.js';
import type { ClientContext } from './client-context.js';
import type { OpenDestinations } from './destinations.js';
import { PushJournal } from './push-journal.js';
import { unlessItFails } from './unless-it-fails.js';

/** What was published. */
export interface PushResult extends Publication {
  /** The same as plain data, with names in full. */
  readonly report: PushReport;
}

/** Everything that precedes the first write. */
export interface PreparedPush extends PublishRequest {
  readonly destinations: OpenDestinations;
  /** The platform of an image, if it is known. */
  readonly platform?: Platform | undefined;
}

/**
 * Publishes, and records for `undo` what the tags pointed to before: before the first tag moves, so that a process that is
 * killed leaves the record too.
 *
 * @param target the name of the record
 */
export async function publishRecorded(
  context: ClientContext,
  target: ImageLocation,
  push: PreparedPush,
  options: CopyGraphOptions,
): Promise<PushResult> {
  const [result] = await publishRecordedTogether(context, [{ target, push }], options);
  return result;
}

/** A list to publish. */
export interface NamedPush {
  /** The name of the record. */
  readonly target: ImageLocation;
  readonly push: PreparedPush;
}

/** As {@link publishRecorded}, for several lists: all are published, or no tag moves. Each has a record of its own. */
export async function publishRecordedTogether<L extends readonly [NamedPush, ...NamedPush[]]>(
  context: ClientContext,
  lists: L,
  options: CopyGraphOptions,
): Promise<{ readonly [I in keyof L]: PushResult }> {
  const together = pushGroup(lists.map(({ target }) => formatImageLocation(target)));
  const journaled = lists.map(({ target, push }) => {
    const { document, destinations } = push;
    const journal = new PushJournal(context, target, { digest: document.digest, destinations }, together);
    const request: PublishRequest = { ...push, beforeTags: (changes) => journal.begin(changes) };
    return { push, journal, request };
  });
  const [first, ...others] = journaled.map(({ request }) => request);
  if (first === undefined) throw new TypeError('nothing to publish');
  let publications: readonly Publication[];
  try {
    publications = await publishTogether([first, ...others], options);
  } catch (error) {
    for (const { journal } of journaled) await journal.fail(error);
    throw error;
  }
  for (const { journal } of journaled) await journal.complete();
  const results = publications.flatMap((publication, position): PushResult[] => {
    const { document, platform, destinations } = journaled[position]?.push ?? {};
    if (document === undefined || destinations === undefined) return [];
    return [{ ...publication, report: pushReport({ document, platform, publication, destinations }) }];
  });
  return results as { readonly [I in keyof L]: PushResult };
}

/**
 * Records in a draft that was started from its target's tag what the tag points to now, so that its next push expects that.
 * Never throws.
 *
 * @param from only if the draft expects this digest
 */
export async function rebaseDraft(
  context: ClientContext,
  target: ImageLocation,
  base: Digest,
  from?: Digest,
): Promise<void> {
  const isBased = (known: Digest | undefined): boolean =>
    known !== undefined && known !== base && (from === undefined || known === from);
  const problem = `the draft ${familiarLocation(target)} does not record that its tag points to ${base} now`;
  await unlessItFails(context, problem, async () => {
    // Read without the lock first, since most drafts have no base.
    if (!isBased((await context.store.find(target))?.base)) return;
    await context.store.update(target, (draft) =>
      draft !== undefined && isBased(draft.base) ? { ...draft, base } : draft,
    );
  });
}
