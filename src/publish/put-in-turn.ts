import { unlimited } from '../content/limit.js';
import type { Target } from '../content/target.js';
import type { PlanOptions, Destination } from './target-state.js';

/** What is done about each thing that is put. */
interface PutSteps<T> {
  readonly put: (each: T) => Promise<unknown>;
  /** Hears of each as soon as it lasts: put, and where its target commits, committed. */
  readonly onCommitted: (each: T) => void;
}

/**
 * Puts one thing after the other. A target that commits does so right after its last one, before anything else is put,
 * so that what others point to from elsewhere is there first. The first failure ends it all.
 */
export async function putInTurn<T extends { readonly target: Target }>(
  all: readonly T[],
  { put, onCommitted }: PutSteps<T>,
  { limit = unlimited, signal }: PlanOptions = {},
): Promise<void> {
  const passing = new Map<Target, T[]>();
  for (const [position, each] of all.entries()) {
    const { target } = each;
    await put(each);
    if (target.commit === undefined) {
      onCommitted(each);
      continue;
    }
    const own = [...(passing.get(target) ?? []), each];
    passing.set(target, own);
    if (all.slice(position + 1).some((later) => later.target === target)) continue;
    await limit(async () => target.commit?.({ signal }));
    for (const done of own) onCommitted(done);
  }
}

/**
 * The order in which the tags of a push move: as given, but `latest` after all others, wherever it is. It is the tag
 * that people get who ask for none, so it moves when every other one has.
 */
export function inTagOrder<T extends Pick<Destination, 'tag'>>(destinations: readonly T[]): T[] {
  return [
    ...destinations.filter(({ tag }) => tag !== 'latest'),
    ...destinations.filter(({ tag }) => tag === 'latest'),
  ];
}
