import { expect, it } from 'vitest';

import { runChaos } from '../faults/chaos/run-chaos.js';
import { describeIntegration } from '../support/integration.js';

describeIntegration('rounds of commands with a registry behind faults', ['docker-registry'], () => {
  it('leave every tag old or new and complete, as the exit code says', async () => {
    const { failures, summary } = await runChaos({ seed: '8', end: { rounds: 2 } });
    expect(failures).toEqual([]);
    // Commands that succeed, fail and are killed: otherwise the rounds would show little.
    expect(summary).toMatch(/: [1-9]\d* succeeded, [1-9]\d* failed, [1-9]\d* killed\n/);
  }, 180_000);
});
