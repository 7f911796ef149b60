import { open, stat } from 'node:fs/promises';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { makeArchiveProcesses, type ArchiveProcesses } from '../../support/archive-process.js';
import { tarFile, tarHeader } from '../../support/tar-file.js';
import { temporaryFile } from '../temporary-archive.js';

const MEBIBYTE = 2 ** 20;

let processes: ArchiveProcesses;

beforeAll(async () => {
  processes = await makeArchiveProcesses();
});
afterAll(() => processes.remove());

/** Opens an archive in a separate process. */
async function measure(path: string): Promise<{ files: number; read: number; memory: number }> {
  const result = await processes.finish({ path });
  if (!('files' in result)) throw new Error(result.message);
  return result;
}

// The measures are those of Linux.
it.runIf(process.platform === 'linux')('opens an archive of 5 GiB without reading its contents', async () => {
  const path = await temporaryFile(Buffer.alloc(0));
  const file = await open(path, 'r+');
  let position = 0;
  for (const gibibytes of [2, 3]) {
    const size = gibibytes * 2 ** 30;
    await file.write(tarHeader({ name: `layer-${gibibytes}`, size }), 0, 512, position);
    position += 512 + size;
  }
  // The contents are holes, which take no room on the disk.
  await file.truncate(position + 1024);
  await file.close();
  expect((await stat(path)).size).toBeGreaterThan(5 * 2 ** 30);

  const { files, read, memory } = await measure(path);
  expect(files).toBe(2);
  expect(read).toBeLessThan(MEBIBYTE);
  expect(memory).toBeGreaterThan(20 * MEBIBYTE);
  expect(memory).toBeLessThan(100e6);
});

it.runIf(process.platform === 'linux')('opens an archive of very many small files', async () => {
  const parts = Array.from({ length: 50_000 }, (_, number) => ({ name: `file-${number}`, content: 'x' }));
  const { files, memory } = await measure(await temporaryFile(tarFile(parts)));
  expect(files).toBe(50_000);
  expect(memory).toBeGreaterThan(20 * MEBIBYTE);
  expect(memory).toBeLessThan(120e6);
});
