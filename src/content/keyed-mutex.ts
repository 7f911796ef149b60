import { checkCancelled } from './cancellation.js';

/** The end of the last work of each name. Of the whole process: the same place may be open more than once. */
const ends = new Map<string, Promise<void>>();

/**
 * Runs work of the same name one after the other, in the order of the calls.
 * @throws what the work throws, and CancelledError where the signal has fired when its turn comes
 */
export function inTurn<T>(name: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  const result = runAfter(ends.get(name), work, signal);
  const end = settled(result);
  ends.set(name, end);
  void forget(name, end);
  return result;
}

async function runAfter<T>(
  before: Promise<void> | undefined,
  work: () => Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  await before;
  checkCancelled(signal);
  return work();
}

async function settled(work: Promise<unknown>): Promise<void> {
  await Promise.allSettled([work]);
}

async function forget(name: string, end: Promise<void>): Promise<void> {
  await end;
  if (ends.get(name) === end) ends.delete(name);
}
