/**
 * Blocks all callers until there are `count` of them. Sequential calls never pass, so a test that passes proves concurrency
 * without a clock.
 */
export function makeGate(count: number): () => Promise<void> {
  const waiting: (() => void)[] = [];
  return () =>
    new Promise((resolve) => {
      waiting.push(resolve);
      if (waiting.length >= count) for (const pass of waiting) pass();
    });
}
