/**
 * Builds the executable for this machine, and runs the tests of the command with it: `npm run test:executable [-- FILE...]`.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ROOT } from '../checkout.js';
import { buildOfCheckout } from '../checkout.js';
import { buildExecutables } from './executables.js';
import { runMain } from '../main.js';
import { ownPlatform } from './node-binaries.js';
import { runVisibly } from '../run.js';

/** What runs the command. */
const TESTS = ['test/cli', 'test/docs', 'test/faults', 'test/integration'];

await runMain(async (files) => {
  const directory = await mkdtemp(join(tmpdir(), 'multiarch-executable-'));
  try {
    const [executable = ''] = await buildExecutables({ ...(await buildOfCheckout()), directory }, [
      ownPlatform(),
    ]);
    await runVisibly('npx', ['vitest', 'run', ...(files.length > 0 ? files : TESTS)], {
      directory: ROOT,
      env: { MULTIARCH_EXECUTABLE: executable },
    });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
