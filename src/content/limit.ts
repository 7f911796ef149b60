/** Runs tasks, so many at a time. Wraps single reads and writes only, never a task that waits for another. */
export type Limit = <T>(task: () => Promise<T>) => Promise<T>;

/** No limit: for callers that brought none. */
export const unlimited: Limit = (task) => task();
