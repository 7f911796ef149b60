/**
 * Calls back after so many milliseconds, unless stopped before. When this process was busy meanwhile, what had arrived in
 * time is looked at first: the other side must not pay for our own slowness.
 * @returns stops it
 */
export function startDeadline(milliseconds: number, onPassed: () => void): () => void {
  let immediate: NodeJS.Immediate | undefined;
  const timer = setTimeout(() => (immediate = setImmediate(onPassed)), milliseconds);
  // Whoever waits keeps the process alive with a socket. The limit on the wait need not.
  timer.unref();
  return () => {
    clearTimeout(timer);
    clearImmediate(immediate);
  };
}
