import { allOf, unlimited } from '../content/limit.js';
import type { Source } from '../content/source.js';
import type { Target } from '../content/target.js';
import type { Digest } from '../oci/digest.js';
import type { ManifestOrIndex } from '../oci/document.js';
import { sameRepository } from '../oci/reference.js';
import type { CosignTag } from '../oci/referrers.js';
import { collectReferrers, type CollectedReferrer, type Subject } from './collect-referrers.js';
import { moveContent, type MoveOptions } from './move-content.js';
import { missingChildren, readTagStates } from './target-state.js';

/** A tag of cosign's that is to stand for the same as in the source. */
interface TagPut extends CosignTag {
  readonly target: Target;
  readonly referrer: CollectedReferrer;
}

/** How the target's tags are. Those that stand for the same already are neither. */
interface TagsFound {
  readonly free: readonly TagPut[];
  /** They stand for something else. */
  readonly taken: readonly (TagPut & { readonly held: Digest })[];
}

/**
 * Copies what refers to these manifests and indexes from their sources into the target: what the sources list, what cosign
 * has put under tags of its own, and what refers to that in turn. A subject whose source is the target itself needs
 * nothing.
 *
 * What the target has is not sent again, but it is seen to that the target lists it. When all content is there, cosign's
 * tags are put. One that stands for something else in the target stays as it is, with a warning: that may be the
 * signature of whoever owns the target.
 *
 * @returns the digests of what the target lacked, in no particular order
 * @throws what the Source and the Target throw. No tag but those of lists of referrers has been put then, unless it is
 *   one of cosign's that cannot be put
 */
export async function moveReferrers(
  target: Target,
  subjects: readonly Subject[],
  options: MoveOptions,
): Promise<readonly Digest[]> {
  const elsewhere = subjects.filter(({ source }) => !isSamePlace(source, target));
  const collected = await collectReferrers(elsewhere, options);
  const { free, taken } = await findTags(tagPuts(target, collected), options);
  warnOfTaken(taken, options);
  const leftOut = new Set(
    taken.map(({ referrer }) => referrer).filter((referrer) => !namesSubject(referrer)),
  );
  const referrers = collected.filter((referrer) => !leftOut.has(referrer));
  const missing = await missingChildren(target, referrers, new Set(), options);
  await moveContent(target, missing, options);
  const moved = missing.map(({ descriptor }) => descriptor.digest);
  const present = referrers.filter(({ descriptor }) => !moved.includes(descriptor.digest));
  await listAgain(target, present, options);
  await putTags(missing.length === 0 ? free : await stillFree(free, options), options);
  return moved;
}

function isSamePlace(source: Source, target: Target): boolean {
  if (source === target) return true;
  const { repository } = source;
  return (
    repository !== undefined &&
    target.repository !== undefined &&
    sameRepository(repository, target.repository)
  );
}

/** Writes what the target holds but does not list: whoever put it there knew nothing of lists. */
async function listAgain(
  target: Target,
  present: readonly CollectedReferrer[],
  { limit = unlimited, signal }: MoveOptions,
): Promise<void> {
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
      await allOf(unlisted.map((document) => limit(() => target.writeManifest(document, { signal }))));
    }),
  );
}

function tagPuts(target: Target, referrers: readonly CollectedReferrer[]): TagPut[] {
  return referrers.flatMap((referrer) =>
    referrer.cosign === undefined ? [] : [{ ...referrer.cosign, target, referrer }],
  );
}

/** Most of what is under cosign's tags is found by its tag alone. */
function namesSubject({ document }: CollectedReferrer): boolean {
  return document.value.subject !== undefined;
}

async function findTags(puts: readonly TagPut[], options: MoveOptions): Promise<TagsFound> {
  const states = await readTagStates(puts, options);
  return {
    free: puts.filter((put) => states.get(put) === undefined),
    taken: puts.flatMap((put) => {
      const held = states.get(put)?.digest;
      return held === undefined || held === put.referrer.document.digest ? [] : [{ ...put, held }];
    }),
  };
}

/** Moving took its time: once more, right before the tags are put. */
async function stillFree(puts: readonly TagPut[], options: MoveOptions): Promise<readonly TagPut[]> {
  const { free, taken } = await findTags(puts, options);
  warnOfTaken(taken, options, true);
  return free;
}

function warnOfTaken(taken: TagsFound['taken'], { onEvent }: MoveOptions, isMoved = false): void {
  for (const { target, tag, kind, held, referrer } of taken) {
    const { document, source } = referrer;
    const becomes = isMoved || namesSubject(referrer) ? 'copied without the tag' : 'left out';
    const message = `${target.label}:${tag} holds another ${kind}, ${held}: it is kept, and ${document.digest} of ${source.label} is ${becomes}`;
    onEvent?.({ kind: 'warning', message });
  }
}

async function putTags(puts: readonly TagPut[], options: MoveOptions): Promise<void> {
  const { limit = unlimited, signal, onEvent } = options;
  await allOf(
    puts.map(async ({ target, tag, referrer: { document } }) => {
      await limit(() => target.writeManifest(document, { signal, tag }));
      onEvent?.({ kind: 'tagged', repository: target.label, tag, digest: document.digest, outcome: 'moved' });
    }),
  );
}
