import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { temporaryDirectory } from '../support/temporary-directory.js';

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
