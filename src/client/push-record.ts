import type { Digest } from '../oci/digest.js';
import { familiarLocation, type ImageLocation } from '../oci/image-location.js';
import type { Platform } from '../oci/platform.js';
import type { CopyGraphOptions } from '../publish/copy-graph.js';
import { publish, type Publication, type PublishRequest } from '../publish/publish.js';
import { pushReport, type PushReport } from '../publish/push-report.js';
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
  const { document, destinations, platform } = push;
  const journal = new PushJournal(context, target, { digest: document.digest, destinations });
  let publication: Publication;
  try {
    publication = await publish({ ...push, beforeTags: (changes) => journal.begin(changes) }, options);
  } catch (error) {
    await journal.fail(error);
    throw error;
  }
  await journal.complete();
  return { ...publication, report: pushReport({ document, platform, publication, destinations }) };
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
