import { isRunning, type PushRecord } from '../drafts/history-file.js';
import { ConflictError } from '../oci/errors.js';
import {
  familiarLocation,
  formatImageLocation,
  isTargetLocation,
  parseImageLocation,
  type TargetLocation,
} from '../oci/image-location.js';
import type { ClientContext } from './client-context.js';
import { extentOf, isUnfinished, type ReadTag } from './push-journal.js';

/** The recorded push of a list that is undone. */
export interface LastPush {
  /** The name of the record. */
  readonly target: TargetLocation;
  readonly push: PushRecord;
  /** Later pushes that were killed before a tag moved. */
  readonly ineffective: readonly PushRecord[];
}

/**
 * Finds the last push of a list that has moved a tag, and those of the lists that were pushed together with it. A list whose
 * push is no longer recorded has been undone before.
 *
 * @returns the list itself first; empty if no push is recorded
 * @throws ConflictError if a push of one of the lists is running, which would move its tags after the undo, or if another
 *   one of the lists has been pushed since
 */
export async function lastPushes(
  context: ClientContext,
  target: TargetLocation,
  readTag: ReadTag,
): Promise<readonly [LastPush, ...LastPush[]] | readonly []> {
  const own = await lastPush(context, target, readTag);
  if (own?.push.together === undefined) return own === undefined ? [] : [own];
  const others = await otherRecords(context, target, own.push);
  const found: LastPush[] = [];
  for (const [other, record] of others) {
    const last = await lastPush(context, other, readTag);
    if (last?.push.together?.id !== own.push.together.id) {
      throw new ConflictError(
        `${familiarLocation(other)} has been pushed since it was pushed together with ${familiarLocation(target)}`,
        { hint: `Undo that push first: multiarch undo ${familiarLocation(other)}. No tag was moved.` },
      );
    }
    found.push({ ...last, push: record });
  }
  return [own, ...found];
}

async function lastPush(
  context: ClientContext,
  target: TargetLocation,
  readTag: ReadTag,
): Promise<LastPush | undefined> {
  const ineffective: PushRecord[] = [];
  for (const push of (await context.history.load(target)).toReversed()) {
    if (await isRunning(push)) {
      throw new ConflictError(
        `a push of ${familiarLocation(target)} is running on this machine (process ${push.process?.pid})`,
        { hint: 'Wait until it has ended, or stop it, and undo then. No tag was moved.' },
      );
    }
    if (await isEffective(context, target, push, readTag)) return { target, push, ineffective };
    ineffective.unshift(push);
  }
  return undefined;
}

/** Reports whether a push has moved a tag of any of its lists. */
async function isEffective(
  context: ClientContext,
  target: TargetLocation,
  push: PushRecord,
  readTag: ReadTag,
): Promise<boolean> {
  if (!isUnfinished(push)) return true;
  const others = (await otherRecords(context, target, push)).map(([, record]) => record);
  if (others.some((record) => !isUnfinished(record))) return true;
  for (const record of [push, ...others]) {
    if ((await extentOf(record, readTag)) !== 'none') return true;
  }
  return false;
}

/** The records of the lists that were pushed together with one, without its own. */
async function otherRecords(
  { history }: ClientContext,
  target: TargetLocation,
  { together }: PushRecord,
): Promise<(readonly [target: TargetLocation, push: PushRecord])[]> {
  if (together === undefined) return [];
  const own = formatImageLocation(target);
  const records = await Promise.all(
    together.targets.map(async (name) => {
      const location = parseImageLocation(name);
      if (name === own || !isTargetLocation(location)) return [];
      const push = (await history.load(location)).findLast((each) => each.together?.id === together.id);
      return push === undefined ? [] : [[location, push] as const];
    }),
  );
  return records.flat();
}
