import { connect, startRegistry } from '../support/open-repository.js';
import { describeTargetContract } from './target-contract.js';

const PATH = 'contract/app';

describeTargetContract(
  'RegistryRepository',
  async () => {
    const registry = await startRegistry();
    return {
      target: connect(registry.host)(PATH),
      tamper: async (digest) => {
        const bytes = registry.blob(PATH, digest) ?? registry.manifest(PATH, digest)?.bytes;
        bytes?.writeUInt8(bytes.readUInt8(0) ^ 1, 0);
      },
      leftovers: async () => Array.from({ length: registry.openSessions }, () => 'an upload session'),
    };
  },
  { noSha512: 'the registry in memory computes sha256' },
);
