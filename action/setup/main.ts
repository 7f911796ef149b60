/** The entry point of `dist/setup.cjs`, which `action.yml` in this folder names. */
import { fileURLToPath } from 'node:url';

import { setUp } from './set-up.js';

// Relative to the bundle.
const launcher = fileURLToPath(new URL('../bin/multiarch.js', import.meta.url));

async function start(): Promise<void> {
  process.exitCode = await setUp(process, launcher);
}

void start();
