import { join } from 'node:path';

import { describe, onTestFinished } from 'vitest';

import { FileCache } from '../../src/cache/file-cache.js';
import type { Target } from '../../src/content/target.js';
import { MirroredSource } from '../../src/registry/mirrored-source.js';
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
  describeContract({}, async () => {
    const cache = new FileCache({ directory: join(await temporaryDirectory(), 'cache') });
    // What it still writes would be in the way of the removal of the directory.
    onTestFinished(() => cache.flush());
    return cache;
  });
});

describe('a registry with a mirror that lacks everything:', () => {
  describeTargetContract(
    'MirroredSource',
    async () => {
      const [registry, empty] = [await startRegistry({ deletes: 'tags' }), await startRegistry()];
      const open = (): Target => {
        const [target, mirror] = [connect(registry.host)(PATH), connect(empty.host)(PATH)];
        return readThrough(
          new MirroredSource({ registry: target, mirror, health: { isDown: false } }),
          target,
        );
      };
      return {
        target: open(),
        reopen: async () => open(),
        tamper: async (digest) => {
          const bytes = registry.blob(PATH, digest) ?? registry.manifest(PATH, digest)?.bytes;
          bytes?.writeUInt8(bytes.readUInt8(0) ^ 1, 0);
        },
      };
    },
    { noSha512: 'the registry in memory computes sha256' },
  );
});

/** A target whose reads are those of a source. */
function readThrough(source: MirroredSource, target: Target): Target {
  return new Proxy(target, {
    get: (_target, name) => {
      const owner = name in source ? source : target;
      const member: unknown = Reflect.get(owner, name, owner);
      return typeof member === 'function' ? (member.bind(owner) as unknown) : member;
    },
  });
}

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
