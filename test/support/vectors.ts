import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, it } from 'vitest';

const root = process.env['MULTIARCH_VECTORS'];

if (root !== undefined && !existsSync(root)) {
  throw new Error(`MULTIARCH_VECTORS names ${root}, which does not exist`);
}

/** The bytes of one file of the test vectors. */
export function vectorBytes(path: string): Buffer {
  if (root === undefined) throw new Error('vectorBytes outside describeVectors');
  return readFileSync(join(root, path));
}

/** The parsed content of one JSON file of the test vectors. The caller states its type. */
export function vectorJson<T>(path: string): T {
  return JSON.parse(vectorBytes(path).toString('utf8')) as T;
}

/** Like {@link vectorJson}, for a file with one JSON document per line. */
export function vectorLines<T>(path: string): T[] {
  return vectorBytes(path)
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
}

/** Defines tests that read the vectors. Without MULTIARCH_VECTORS, defines one skipped test with a notice. */
export function describeVectors(name: string, body: () => void): void {
  if (root === undefined) {
    describe(name, () => {
      it.skip('needs MULTIARCH_VECTORS', () => {});
    });
  } else {
    describe(name, body);
  }
}
