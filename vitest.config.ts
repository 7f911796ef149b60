import { configDefaults, defineConfig } from 'vitest/config';

import { filesToExclude } from './test/support/without-openssl.js';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: [...configDefaults.exclude, ...filesToExclude()],
    globalSetup: ['test/support/global-setup.ts'],
    reporters: ['default', './test/support/summary-reporter.ts'],
    // Tests often wait for processes, so one worker per processor keeps all processors busy.
    maxWorkers: '100%',
    // Integration tests start servers and clients, and have time limits of their own.
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
