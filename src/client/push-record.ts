import type { RecordedTag } from '../drafts/history-file.js';
import type { Digest } from '../oci/digest.js';
import { MultiarchError } from '../oci/errors.js';
import { familiarLocation, formatImageLocation, type ImageLocation } from '../oci/image-location.js';
import type { Platform } from '../oci/platform.js';
import type { CopyGraphOptions } from '../publish/copy-graph.js';
import { publish, type Publication, type PublishRequest } from '../publish/publish.js';
import { pushReport, type PushReport } from '../publish/push-report.js';
import type { ClientContext } from './client-context.js';
import type { OpenDestinations } from './destinations.js';

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
 * Publishes, and records for `undo` what the tags pointed to before, even if only some of them moved. A push that moves no
 * tag is not recorded: repeated, it would hide the push that moved them.
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
  const tags: RecordedTag[] = [];
  let hasMoved = false;
  const onTagChange: PublishRequest['onTagChange'] = (destination, { previous, outcome }) => {
    const location = destinations.find((open) => open === destination)?.location;
    // Another process cannot open an object, so `undo` could not move its tag.
    if (location === undefined || location.transport === 'object') return;
    tags.push({ reference: formatImageLocation(location), ...(previous !== undefined && { previous }) });
    hasMoved ||= outcome === 'moved';
  };
  try {
    const publication = await publish({ ...push, onTagChange }, options);
    return { ...publication, report: pushReport({ document, platform, publication, destinations }) };
  } finally {
    const problem = `multiarch undo will not know of this push of ${familiarLocation(target)}`;
    const save = (): Promise<void> => context.history.add(target, { digest: document.digest, tags });
    if (hasMoved) await unlessItFails(context, problem, save);
  }
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

/** Runs bookkeeping that follows a successful push: failures become warnings. */
export async function unlessItFails(
  context: ClientContext,
  problem: string,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof MultiarchError)) throw error;
    const hint = error.hint === undefined ? '' : ` (${error.hint})`;
    context.onEvent?.({ kind: 'warning', message: `${problem}: ${error.message}${hint}` });
  }
}
