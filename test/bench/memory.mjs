import { loadSupport } from './registries.mjs';
import { peakMemory } from './run.mjs';
import { multiarch } from './tools.mjs';

const { MemoryRegistry, seedLargeImage } = await loadSupport();

/** Prints the memory of a copy of blobs of up to 1 GiB from one registry to another one, and fails above 150 MB. */
export async function measureMemory() {
  const registries = [await MemoryRegistry.start(), await MemoryRegistry.start({ keepBlobs: false })];
  const [from, to] = registries;
  if (from === undefined || to === undefined) throw new Error('no registry');
  try {
    for (const mebibytes of [1, 256, 1024]) {
      seedLargeImage(from, `app${mebibytes}`, 'amd64', mebibytes);
      const [list, source] = [`${to.host}/app:${mebibytes}`, `${from.host}/app${mebibytes}:amd64`];
      const startedAt = performance.now();
      const peak = await peakMemory(multiarch('create', '--push', list, source));
      const seconds = (performance.now() - startedAt) / 1000;
      console.log(
        `${mebibytes} MiB: ${(peak / 1e6).toFixed(0)} MB resident at most, ${seconds.toFixed(1)} s`,
      );
      if (peak >= 150e6) process.exitCode = 1;
    }
  } finally {
    await Promise.all(registries.map((registry) => registry.close()));
  }
}
