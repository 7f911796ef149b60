import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, it } from 'vitest';

const root = process.env['MULTIARCH_VECTORS'];

if (root !== undefined && !existsSync(root)) {
  throw new Error(`MULTIARCH_VECTORS names ${root}, which is not there`);
}

/** The bytes of one file of the shared test vectors. */
export function vectorBytes(path: string): Buffer {
  if (root === undefined) throw new Error('vectorBytes outside describeVectors');
  return readFileSync(join(root, path));
}

/** One JSON file of the shared test vectors. The caller states its shape. */
export function vectorJson<T>(path: string): T {
  return JSON.parse(vectorBytes(path).toString('utf8')) as T;
}

/** As {@link vectorJson} for a file with one JSON document a line. */
export function vectorLines<T>(path: string): T[] {
  return vectorBytes(path)
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
}

/** Tests that read the vectors: run where MULTIARCH_VECTORS is set, else one skipped test that says so. */
export function describeVectors(name: string, body: () => void): void {
  if (root === undefined) {
    describe(name, () => {
      it.skip('needs MULTIARCH_VECTORS', () => {});
    });
  } else {
    describe(name, body);
  }
}
