import { unlimited, type TaskOptions } from '../content/limit.js';
import type { Target } from '../content/target.js';
import type { Destination } from './target-state.js';

interface PutSteps<T> {
  readonly put: (item: T) => Promise<unknown>;
  /** Called for each item once it is durable: put, and committed if its target commits. */
  readonly onCommitted: (item: T) => void;
}

/**
 * Puts items in sequence. A target that commits does so right after its last item, before the next target's items are
 * put, because those may point to it. Stops at the first failure.
 */
export async function putInTurn<T extends { readonly target: Target }>(
  items: readonly T[],
  { put, onCommitted }: PutSteps<T>,
  { limit = unlimited, signal }: TaskOptions = {},
): Promise<void> {
  const uncommitted = new Map<Target, T[]>();
  const last = new Map(items.map(({ target }, position) => [target, position]));
  for (const [position, item] of items.entries()) {
    const { target } = item;
    await put(item);
    if (target.commit === undefined) {
      onCommitted(item);
      continue;
    }
    const own = uncommitted.get(target) ?? [];
    uncommitted.set(target, own);
    own.push(item);
    if (last.get(target) !== position) continue;
    await limit(async () => target.commit?.({ signal }));
    for (const done of own) onCommitted(done);
  }
}

/**
 * The order in which the tags of a push move: as given, but `latest` last. Clients that name no tag pull `latest`, so it
 * moves after every other tag.
 */
export function inTagOrder<T extends { readonly tag?: Destination['tag'] | undefined }>(
  destinations: readonly T[],
): T[] {
  return [
    ...destinations.filter(({ tag }) => tag !== 'latest'),
    ...destinations.filter(({ tag }) => tag === 'latest'),
  ];
}
