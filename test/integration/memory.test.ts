import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { expect, it, onTestFinished } from 'vitest';

import { RUNS_ON_NODE } from '../support/executable.js';
import { writeLargeArchive } from '../support/large-archive.js';
import { seedLargeImage } from '../support/large-image.js';
import { startRegistry } from '../support/open-repository.js';
import { multiarch } from '../support/run.js';
import { makeSandbox, type Sandbox } from '../support/sandbox.js';

const MEBIBYTE = 1 << 20;
const preload = pathToFileURL(fileURLToPath(new URL('../support/report-memory.mjs', import.meta.url))).href;

async function start(): Promise<Sandbox> {
  const sandbox = await makeSandbox();
  onTestFinished(() => sandbox.remove());
  return sandbox;
}

/** Runs a command that must succeed, and use less than 150 MB: less than the layer alone, so it cannot have held it. */
async function runInLittleMemory(sandbox: Sandbox, words: readonly string[]): Promise<void> {
  const report = join(sandbox.directory, 'memory');
  const env = { NODE_OPTIONS: `--import=${preload}`, MEMORY_REPORT: report };
  expect(await multiarch(sandbox, words, { env })).toMatchObject({ code: 0 });
  const peak = Number(await readFile(report, 'utf8'));
  // More than nothing, so it was measured.
  expect(peak).toBeGreaterThan(20 * MEBIBYTE);
  expect(peak).toBeLessThan(150e6);
}

it.runIf(RUNS_ON_NODE)(
  'moves a blob of 192 MiB from registry to registry in less than 150 MB of memory',
  async () => {
    const [from, to] = [await startRegistry(), await startRegistry({ keepBlobs: false })];
    seedLargeImage(from, 'app', 'amd64', 192);
    const sandbox = await start();
    await runInLittleMemory(sandbox, ['create', '--push', `${to.host}/app:1`, `${from.host}/app:amd64`]);
    expect(to.manifest('app', '1')).toBeDefined();
  },
);

it.each([
  { form: 'oci', mebibytes: 192, compression: 'none', what: 'image layout' },
  { form: 'docker', mebibytes: 192, compression: 'none', what: 'docker save, as it is' },
  { form: 'docker', mebibytes: 192, compression: 'gzip', what: 'docker save, compressed' },
] as const)(
  'pushes a layer of $mebibytes MiB ($what) in less than 150 MB of memory, without a copy of it',
  async ({ form, mebibytes, compression }) => {
    const sandbox = await start();
    const to = await startRegistry({ keepBlobs: false });
    const { layer, config } = await writeLargeArchive(join(sandbox.directory, 'in.tar'), form, mebibytes);
    const list = `${to.host}/app:1`;
    const source = `${form}-archive:in.tar`;

    await runInLittleMemory(sandbox, ['create', list, source, '--layer-compression', compression]);
    await runInLittleMemory(sandbox, ['push', list]);

    expect(to.manifest('app', '1')).toBeDefined();
    expect(to.hasBlob('app', config)).toBe(true);
    expect(to.hasBlob('app', layer)).toBe(compression === 'none');
    expect((await readdir(sandbox.directory)).filter((name) => name.endsWith('.tar'))).toEqual(['in.tar']);
  },
  60_000,
);
