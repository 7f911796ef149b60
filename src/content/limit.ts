/** Runs tasks, so many at a time. Wraps single reads and writes only, never a task that waits for another. */
export type Limit = <T>(task: () => Promise<T>) => Promise<T>;

/** No limit: for callers that brought none. */
export const unlimited: Limit = (task) => task();

/**
 * Waits for all of them also where one fails, so that nothing is still being done when the failure is heard of.
 * @throws the first failure, in their order
 */
export async function allOf<T>(work: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(work);
  return Promise.all(work);
}
