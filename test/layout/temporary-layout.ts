import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { onTestFinished } from 'vitest';

/** A directory that is removed when the test ends. */
export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'multiarch-layout-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** A layout, made without the code under test. */
export async function temporaryLayout(
  index: unknown,
  marker: unknown = { imageLayoutVersion: '1.0.0' },
): Promise<string> {
  const path = join(await temporaryDirectory(), 'layout');
  await mkdir(join(path, 'blobs', 'sha256'), { recursive: true });
  await writeFile(join(path, 'oci-layout'), toText(marker));
  await writeFile(join(path, 'index.json'), toText(index));
  return path;
}

export async function readIndexJson(path: string): Promise<unknown> {
  return JSON.parse(await readFile(join(path, 'index.json'), 'utf8'));
}

function toText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
