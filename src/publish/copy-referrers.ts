import { ReferrersLists } from '../content/referrers-tag.js';
import { allOf, unlimited } from '../content/limit.js';
import type { Source } from '../content/source.js';
import type { Target } from '../content/target.js';
import type { Digest } from '../oci/digest.js';
import type { ManifestOrIndex } from '../oci/document.js';
import { sameRepository } from '../oci/reference.js';
import type { CosignTag } from '../oci/referrers.js';
import { collectReferrers, type CollectedReferrer, type Subject } from './collect-referrers.js';
import { copyGraph, writeLists, type CopyGraphOptions } from './copy-graph.js';
import { digestOfState, missingChildren, readTagStates } from './target-state.js';

/** A cosign tag to put in the target. */
interface TagPut extends CosignTag {
  readonly target: Target;
  readonly referrer: CollectedReferrer;
}

/** The cosign tags by their state in the target. Tags that have the right digest already are in neither list. */
interface TagsFound {
  readonly free: readonly TagPut[];
  /** Tags that have another digest. */
  readonly taken: readonly (TagPut & { readonly current: Digest })[];
}

/**
 * Copies the referrers of these manifests and indexes from their sources to the target: those that the sources list, those
 * under cosign's tags, and the referrers of referrers. Subjects whose source is the target itself are skipped.
 *
 * A referrer that the target has is not sent again, but written if the target does not list it. Cosign's tags are put
 * when all content has been copied. A tag that has another digest in the target is kept, with a warning: it may be
 * the signature of the target's owner.
 *
 * @returns the digests that the target lacked, in no particular order
 * @throws what the Source and the Target throw. No tag has been put then, except referrers tags, and cosign's tags before
 *   the one that failed
 */
export async function copyReferrers(
  target: Target,
  subjects: readonly Subject[],
  options: CopyGraphOptions,
): Promise<readonly Digest[]> {
  const elsewhere = subjects.filter(({ source }) => !isSameRepository(source, target));
  const collected = await collectReferrers(elsewhere, options);
  const { free, taken } = await findTags(tagPuts(target, collected), options);
  warnOfTaken(taken, options);
  const leftOut = new Set(
    taken.map(({ referrer }) => referrer).filter((referrer) => !namesSubject(referrer)),
  );
  const referrers = collected.filter((referrer) => !leftOut.has(referrer));
  const missing = await missingChildren(target, referrers, new Set(), options);
  await copyGraph(target, missing, options);
  const copied = missing.map(({ descriptor }) => descriptor.digest);
  const written = new Set(copied);
  const present = referrers.filter(({ descriptor }) => !written.has(descriptor.digest));
  await ensureListed(target, present, options);
  await putTags(missing.length === 0 ? free : await stillFree(free, options), options);
  return copied;
}

function isSameRepository(source: Source, target: Target): boolean {
  if (source === target) return true;
  const { repository } = source;
  return (
    repository !== undefined &&
    target.repository !== undefined &&
    sameRepository(repository, target.repository)
  );
}

/**
 * Writes the referrers that the target has but does not list, because their writer did not support the referrers tag
 * schema.
 */
async function ensureListed(
  target: Target,
  present: readonly CollectedReferrer[],
  options: CopyGraphOptions,
): Promise<void> {
  const { limit = unlimited, signal } = options;
  const lists = new ReferrersLists();
  const bySubject = new Map<Digest, Map<Digest, ManifestOrIndex>>();
  for (const { document } of present) {
    const subject = document.value.subject?.digest;
    if (subject === undefined) continue;
    const documents = bySubject.get(subject) ?? new Map();
    bySubject.set(subject, documents.set(document.digest, document));
  }
  await allOf(
    [...bySubject].map(async ([subject, documents]) => {
      const list = (await limit(async () => target.listReferrers?.(subject, { signal }))) ?? [];
      const listed = new Set(list.map(({ digest }) => digest));
      const unlisted = [...documents.values()].filter(({ digest }) => !listed.has(digest));
      await allOf(unlisted.map((document) => limit(() => target.writeManifest(document, { signal, lists }))));
    }),
  );
  await writeLists(lists, options);
}

function tagPuts(target: Target, referrers: readonly CollectedReferrer[]): TagPut[] {
  return referrers.flatMap((referrer) =>
    referrer.cosign === undefined ? [] : [{ ...referrer.cosign, target, referrer }],
  );
}

/** Most manifests under cosign's tags have no `subject`: only their tag leads to them. */
function namesSubject({ document }: CollectedReferrer): boolean {
  return document.value.subject !== undefined;
}

async function findTags(puts: readonly TagPut[], options: CopyGraphOptions): Promise<TagsFound> {
  const states = await readTagStates(puts, options);
  return {
    free: puts.filter((put) => digestOfState(states.get(put)) === undefined),
    taken: puts.flatMap((put) => {
      const current = digestOfState(states.get(put));
      return current === undefined || current === put.referrer.document.digest ? [] : [{ ...put, current }];
    }),
  };
}

/** Checks the tags again right before they are put, because copying may have taken long. */
async function stillFree(puts: readonly TagPut[], options: CopyGraphOptions): Promise<readonly TagPut[]> {
  const { free, taken } = await findTags(puts, options);
  warnOfTaken(taken, options, true);
  return free;
}

function warnOfTaken(taken: TagsFound['taken'], { onEvent }: CopyGraphOptions, isCopied = false): void {
  for (const { target, tag, kind, current, referrer } of taken) {
    const { document, source } = referrer;
    const outcome = isCopied || namesSubject(referrer) ? 'copied without the tag' : 'skipped';
    const message = `${target.label}:${tag} has another ${kind}, ${current}, which is kept: ${document.digest} of ${source.label} is ${outcome}`;
    onEvent?.({ kind: 'warning', message });
  }
}

async function putTags(puts: readonly TagPut[], options: CopyGraphOptions): Promise<void> {
  const { limit = unlimited, signal, onEvent } = options;
  await allOf(
    puts.map(async ({ target, tag, referrer: { document } }) => {
      await limit(() => target.writeManifest(document, { signal, tag }));
      onEvent?.({ kind: 'tagged', repository: target.label, tag, digest: document.digest, outcome: 'moved' });
    }),
  );
}
