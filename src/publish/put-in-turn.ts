import { unlimited } from '../content/limit.js';
import type { Target } from '../content/target.js';
import type { PlanOptions } from './plan.js';

/** What is done about each thing that is put. */
interface PutSteps<T> {
  readonly put: (each: T) => Promise<unknown>;
  /** Hears of each as soon as it lasts: put, and where its target commits, committed. */
  readonly onLasting: (each: T) => void;
}

/**
 * Puts one thing after the other. A target that commits does so right after its last one, before anything else is put,
 * so that what others point to from elsewhere is there first. The first failure ends it all.
 */
export async function putInTurn<T extends { readonly target: Target }>(
  all: readonly T[],
  { put, onLasting }: PutSteps<T>,
  { limit = unlimited, signal }: PlanOptions = {},
): Promise<void> {
  const passing = new Map<Target, T[]>();
  for (const [position, each] of all.entries()) {
    const { target } = each;
    await put(each);
    if (target.commit === undefined) {
      onLasting(each);
      continue;
    }
    const own = [...(passing.get(target) ?? []), each];
    passing.set(target, own);
    if (all.slice(position + 1).some((later) => later.target === target)) continue;
    await limit(async () => target.commit?.({ signal }));
    for (const done of own) onLasting(done);
  }
}
