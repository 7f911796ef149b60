import { MemoryStore } from '../../src/content/memory-store.js';
import { describeTargetContract } from './target-contract.js';

describeTargetContract('MemoryStore', async () => ({ target: new MemoryStore() }), {
  noTampering: 'it keeps its bytes to itself',
  noReopening: 'it ends with the program',
});
