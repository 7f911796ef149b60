import { join } from 'node:path';

import { describe } from 'vitest';

import { FileCache } from '../../src/cache/file-cache.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import type { MemoryRegistryOptions } from '../support/memory-registry.js';
import { connect, startRegistry } from '../support/open-repository.js';
import { describeTargetContract } from './target-contract.js';

const PATH = 'contract/app';

describe.each<[string, MemoryRegistryOptions]>([
  ['a registry', {}],
  ['a registry that lists referrers', { referrers: { pageSize: 2 } }],
])('%s:', (_what, options) => {
  describeContract(options, () => undefined);
});

describe('a registry with a cache:', () => {
  describeContract({}, async () => new FileCache({ directory: join(await temporaryDirectory(), 'cache') }));
});

function describeContract(
  options: MemoryRegistryOptions,
  openCache: () => Promise<FileCache> | undefined,
): void {
  describeTargetContract(
    'RegistryRepository',
    async () => {
      const registry = await startRegistry({ deletes: 'tags', ...options });
      const cache = await openCache();
      return {
        target: connect(registry.host, { cache })(PATH),
        reopen: async () => connect(registry.host, { cache })(PATH),
        tamper: async (digest) => {
          const bytes = registry.blob(PATH, digest) ?? registry.manifest(PATH, digest)?.bytes;
          bytes?.writeUInt8(bytes.readUInt8(0) ^ 1, 0);
        },
        leftovers: async () => Array.from({ length: registry.openSessions }, () => 'an upload session'),
      };
    },
    { noSha512: 'the registry in memory computes sha256' },
  );
}
