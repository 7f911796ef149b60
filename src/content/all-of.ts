/**
 * Waits for all of them also where one fails, so that nothing is still being done when the failure is heard of.
 * @throws the first failure, in their order
 */
export async function allOf<T>(work: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(work);
  return Promise.all(work);
}
