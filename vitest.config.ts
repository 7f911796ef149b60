import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    reporters: ['default', './test/support/summary-reporter.ts'],
    // Much of their time tests wait for processes: with one worker less than processors, these would idle.
    maxWorkers: '100%',
    // Integration tests start servers and clients; what they wait for is bounded by their own time limits.
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
