import { describe, expect, it, onTestFinished } from 'vitest';

import { multiarch, needsProcess } from './run.js';
import { makeSandbox } from './sandbox.js';

describe('multiarch', () => {
  it('runs in the process of the test, unless the test needs a process', async () => {
    const sandbox = await makeSandbox();
    onTestFinished(() => sandbox.remove());
    expect(needsProcess(sandbox)).toBe(false);
    expect(needsProcess(sandbox, { env: { MULTIARCH_RETRIES: '0' } })).toBe(false);
    expect(needsProcess(sandbox, { env: { AWS_REGION: 'eu-west-1' } })).toBe(false);
    expect(needsProcess(sandbox, { env: { NODE_EXTRA_CA_CERTS: '/ca.pem' } })).toBe(true);
    expect(needsProcess(sandbox, { onStart: () => {} })).toBe(true);
  });

  it('sets the AWS variables of the process for the time of a command', async () => {
    const sandbox = await makeSandbox();
    onTestFinished(() => sandbox.remove());
    const before = { ...process.env };
    const call = (env: Record<string, string>) => multiarch(sandbox, ['ls'], { env });
    const calls = [call({ AWS_REGION: 'eu-west-1' }), call({ AWS_REGION: 'eu-west-1' })];
    await expect(call({ AWS_REGION: 'us-east-1' })).rejects.toThrow('different AWS variables');
    expect(process.env).toMatchObject({ AWS_REGION: 'eu-west-1', HOME: sandbox.env['HOME'] });
    for (const result of calls) expect(await result).toMatchObject({ code: 0 });
    expect(process.env).toEqual(before);
  });
});
