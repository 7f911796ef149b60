/**
 * Holds back all who come until so many are there. What is done one after the other never gets through, whatever the
 * speed of the machine.
 */
export function makeGate(count: number): () => Promise<void> {
  const waiting: (() => void)[] = [];
  return () =>
    new Promise((resolve) => {
      waiting.push(resolve);
      if (waiting.length >= count) for (const pass of waiting) pass();
    });
}
