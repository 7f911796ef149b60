import { describe, expect, it, onTestFinished } from 'vitest';

import { needsProcess } from './run.js';
import { makeSandbox } from './sandbox.js';

describe('multiarch', () => {
  it('runs in the process of the test, unless the test needs a process', async () => {
    const sandbox = await makeSandbox();
    onTestFinished(() => sandbox.remove());
    expect(needsProcess(sandbox)).toBe(false);
    expect(needsProcess(sandbox, { env: { MULTIARCH_RETRIES: '0' } })).toBe(false);
    expect(needsProcess(sandbox, { env: { AWS_REGION: 'eu-west-1' } })).toBe(true);
    expect(needsProcess(sandbox, { env: { NODE_EXTRA_CA_CERTS: '/ca.pem' } })).toBe(true);
    expect(needsProcess(sandbox, { onStart: () => {} })).toBe(true);
  });
});
