import { setFlagsFromString } from 'node:v8';

/** The last version of Node.js whose V8 is known to have the flag: V8 prints an error for a flag that it does not know. */
const LAST_KNOWN_MAJOR = 24;

/** Just below the largest allocation, of 32 MiB, from which glibc learns (mallopt(3), `M_MMAP_THRESHOLD`). */
const LARGE_BYTES = 32 * 1024 * 1024 - 64 * 1024;

let isDone = false;

/**
 * Makes the process reuse the memory of the buffers that a transfer reads, instead of returning it to the system and asking
 * for it again. That took a third of the processor time of a copy. For the command only: a library leaves these settings to
 * its program. Called when the first transfer starts, since the allocation makes V8 collect garbage.
 */
export function reuseBuffers(): void {
  if (isDone) return;
  isDone = true;
  // Freed by the thread that allocates, a buffer is the next one that it allocates.
  if (Number(process.versions.node.split('.')[0]) <= LAST_KNOWN_MAJOR) {
    setFlagsFromString('--no-concurrent-array-buffer-sweeping');
  }
  // Once a large allocation is freed, glibc keeps up to twice as much free memory. This one is never written to.
  Buffer.allocUnsafeSlow(LARGE_BYTES);
}
