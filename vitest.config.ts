import { availableParallelism } from 'node:os';

import { configDefaults, defineConfig } from 'vitest/config';

import { filesToIsolate, filesWithoutTheirTools } from './test/support/test-files.js';

const exclude = [...configDefaults.exclude, ...filesWithoutTheirTools()];
const isolated = filesToIsolate();

export default defineConfig({
  test: {
    globalSetup: ['test/support/global-setup.ts'],
    reporters: ['default', './test/support/summary-reporter.ts'],
    // Tests often wait for processes and files, so one worker more than processors keeps all processors busy.
    maxWorkers: availableParallelism() + 1,
    // Integration tests start servers and clients, and have time limits of their own.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    projects: [
      // Files that share a process load each module once, which saves a third of the time.
      {
        extends: true,
        test: {
          name: 'shared',
          include: ['test/**/*.test.ts'],
          exclude: [...exclude, ...isolated],
          isolate: false,
        },
      },
      { extends: true, test: { name: 'isolated', include: isolated, exclude } },
    ],
  },
});
