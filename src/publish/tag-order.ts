import type { Destination } from './plan.js';

/**
 * The order in which the tags of a push move: as given, but `latest` after all others, wherever it is. It is the tag
 * that people get who ask for none, so it moves when every other one has.
 */
export function inMovingOrder<T extends Pick<Destination, 'tag'>>(destinations: readonly T[]): T[] {
  return [
    ...destinations.filter(({ tag }) => tag !== 'latest'),
    ...destinations.filter(({ tag }) => tag === 'latest'),
  ];
}
