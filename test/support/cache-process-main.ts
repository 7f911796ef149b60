/** A process that keeps documents in a cache and reads each again, with bounds that make it remove some. */
import { FileCache } from '../../src/cache/file-cache.js';
import { digestOf } from '../../src/oci/digest.js';
import { parseReference } from '../../src/oci/reference.js';

const { directory, count } = JSON.parse(process.argv[2] ?? '') as CacheJob;
const failures: string[] = [];
const onFailure = (reason: string): void => void failures.push(reason);
const cache = new FileCache({ directory, onFailure, bounds: { folders: 8, files: 5, bytes: 10_000 } });
const repository = parseReference('registry.example.com/app');
let found = 0;

for (let number = 0; number < count; number += 1) {
  const bytes = Buffer.from(`document ${number}`);
  const digest = digestOf(bytes);
  cache.put(repository, digest, bytes);
  await cache.flush();
  const kept = await cache.get(repository, digest);
  if (kept !== undefined && !bytes.equals(kept)) failures.push('other bytes');
  if (kept !== undefined) found += 1;
}
const result: CacheJobResult = { failures, found };
console.log(JSON.stringify(result));

/** The documents `0` to `count` are put into a cache. */
export interface CacheJob {
  readonly directory: string;
  readonly count: number;
}

/** What a process has seen. */
export interface CacheJobResult {
  readonly failures: readonly string[];
  readonly found: number;
}
