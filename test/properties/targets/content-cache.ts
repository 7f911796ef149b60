import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import * as fc from 'fast-check';

import { FileCache } from '../../../src/cache/file-cache.js';
import { digestOf } from '../../../src/oci/digest.js';
import { parseReference } from '../../../src/oci/reference.js';
import { sharedDirectory } from '../../support/sandbox.js';
import { property, type Target } from '../property.js';

const repository = parseReference('registry.example.com/app');
const bytes = Buffer.from('{"schemaVersion":2,"config":{}}');
const digest = digestOf(bytes);

let cache: FileCache;
let path: string;

async function open(): Promise<() => Promise<void>> {
  const { directory, remove } = await sharedDirectory();
  cache = new FileCache({ directory, onFailure: (reason) => assert.fail(reason) });
  cache.put(repository, digest, bytes);
  await cache.flush();
  const files = await readdir(directory, { recursive: true, withFileTypes: true });
  const file = files.find((entry) => entry.isFile());
  assert(file !== undefined);
  path = join(file.parentPath, file.name);
  return remove;
}

/** Bytes that are like the right ones, or any others. */
const content = fc.oneof(
  fc.constant(bytes),
  fc.uint8Array({ maxLength: 100 }),
  fc
    .tuple(fc.nat(bytes.length), fc.nat(bytes.length), fc.uint8Array({ maxLength: 4 }))
    .map(([from, to, between]) => Buffer.concat([bytes.subarray(0, from), between, bytes.subarray(to)])),
);

/** The cache of manifests and configs. */
export const contentCache: Target = {
  name: 'content-cache',
  open,
  properties: [
    property(
      'whatever a file contains, a read returns bytes with the digest or nothing',
      [content],
      async (stored) => {
        await writeFile(path, stored);
        const read = await cache.get(repository, digest);
        const left = await readFile(path).catch(() => undefined);
        if (!bytes.equals(stored)) {
          assert.deepEqual([read, left], [undefined, undefined]);
          return 'rejected';
        }
        assert.deepEqual([read, left], [bytes, bytes]);
        return 'read';
      },
      { reaches: ['read', 'rejected'] },
    ),
  ],
};
