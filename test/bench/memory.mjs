import { loadSupport } from './registries.mjs';
import { peakMemory } from './run.mjs';
import { multiarch } from './tools.mjs';

const { MemoryRegistry, seedLargeImage } = await loadSupport();

/** The most memory that a copy may take, in bytes. */
const LIMIT = 120e6;

/** Numbers of blobs, and their size in MiB. */
const IMAGES = /** @type {const} */ ([
  [1, 1],
  [1, 100],
  [1, 1024],
  [1, 5120],
  [64, 16],
]);

/** Prints the memory that copies of large and many blobs take from one registry to another, and fails above the limit. */
export async function measureMemory() {
  const registries = [await MemoryRegistry.start(), await MemoryRegistry.start({ keepBlobs: false })];
  const [from, to] = registries;
  if (from === undefined || to === undefined) throw new Error('no registry');
  console.log('| blobs | memory | wall time |');
  console.log('| ---: | ---: | ---: |');
  try {
    for (const [count, mebibytes] of IMAGES) {
      const path = `app${count}-${mebibytes}`;
      seedLargeImage(from, path, 'amd64', mebibytes, count);
      const startedAt = performance.now();
      const copy = multiarch('copy', `docker://${from.host}/${path}:amd64`, `${to.host}/${path}:1`);
      const peak = await peakMemory(copy);
      const seconds = (performance.now() - startedAt) / 1000;
      console.log(
        `| ${count} × ${mebibytes} MiB | ${(peak / 1e6).toFixed(0)} MB | ${seconds.toFixed(1)} s |`,
      );
      if (peak >= LIMIT) process.exitCode = 1;
    }
  } finally {
    await Promise.all(registries.map((registry) => registry.close()));
  }
}
