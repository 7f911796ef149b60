import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { expect, it, onTestFinished } from 'vitest';

import { seedLargeImage } from '../support/large-image.js';
import { startRegistry } from '../support/open-repository.js';
import { multiarch } from '../support/run.js';
import { makeSandbox } from '../support/sandbox.js';

const MEBIBYTE = 1 << 20;
const preload = pathToFileURL(fileURLToPath(new URL('../support/report-memory.mjs', import.meta.url))).href;

it('moves a blob of 256 MiB from registry to registry in less than 150 MB of memory', async () => {
  const [from, to] = [await startRegistry(), await startRegistry({ keepBlobs: false })];
  seedLargeImage(from, 'app', 'amd64', 256);
  const sandbox = await makeSandbox();
  onTestFinished(() => sandbox.remove());
  const report = join(sandbox.directory, 'memory');

  const result = await multiarch(
    sandbox,
    ['create', '--push', `${to.host}/app:1`, `${from.host}/app:amd64`],
    { env: { NODE_OPTIONS: `--import=${preload}`, MEMORY_REPORT: report } },
  );

  expect(result).toMatchObject({ code: 0 });
  expect(to.manifest('app', '1')).toBeDefined();
  const peak = Number(await readFile(report, 'utf8'));
  // Less than the 256 MiB alone, so it cannot have held them; more than nothing, so it was measured.
  expect(peak).toBeGreaterThan(20 * MEBIBYTE);
  expect(peak).toBeLessThan(150e6);
});
