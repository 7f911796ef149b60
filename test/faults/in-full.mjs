/** Runs test files of this folder with all steps and processes, which take minutes: `node test/faults/in-full.mjs FILE`. */
import { startVitest } from 'vitest/node';

process.env['MULTIARCH_FAULTS'] = 'full';
const vitest = await startVitest('test', process.argv.slice(2), { run: true });
await vitest.close();
