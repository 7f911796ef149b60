import { describe } from 'vitest';

import type { MemoryRegistryOptions } from '../support/memory-registry.js';
import { connect, startRegistry } from '../support/open-repository.js';
import { describeTargetContract } from './target-contract.js';

const PATH = 'contract/app';

describe.each<[string, MemoryRegistryOptions]>([
  ['a registry', {}],
  ['a registry that lists referrers', { referrers: { pageSize: 2 } }],
])('%s:', (_what, options) => {
  describeTargetContract(
    'RegistryRepository',
    async () => {
      const registry = await startRegistry(options);
      return {
        target: connect(registry.host)(PATH),
        reopen: async () => connect(registry.host)(PATH),
        tamper: async (digest) => {
          const bytes = registry.blob(PATH, digest) ?? registry.manifest(PATH, digest)?.bytes;
          bytes?.writeUInt8(bytes.readUInt8(0) ^ 1, 0);
        },
        leftovers: async () => Array.from({ length: registry.openSessions }, () => 'an upload session'),
      };
    },
    { noSha512: 'the registry in memory computes sha256' },
  );
});
