/**
 * Starts the command. Calls that are made often are answered at once; everything else runs from code that V8 has compiled in
 * an earlier run. `start.ts` is the entry point of `dist/start.cjs`, which `bin/multiarch.js` loads.
 * Offers quick-answer.
 *
 * @module cli/start
 */
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { main as Main } from '../main.js';
import type { Program } from './compiled-code.js';
import { answerQuickly } from './quick-answer.js';

/**
 * Runs the command line of the process, and sets its exit code.
 * @param program the program that an executable contains. @default the files beside this one
 */
export async function start(program?: Program): Promise<void> {
  const [, path = '', ...argv] = process.argv;
  // On Windows, docker starts only plugins that are .exe files.
  const name = basename(path).replace(/\.exe$/i, '');
  const answered = await answerQuickly(argv, process, name);
  if (answered !== undefined) {
    process.exitCode = answered;
    return;
  }
  // Not needed for the quick answers, and it loads `node:crypto`.
  const { openCodeCache } = await import('./code-cache.js');
  const dist = program ?? fileURLToPath(new URL('.', import.meta.url));
  const cache = await openCodeCache({ dist, argv });
  const { main } = cache.require('./cli.cjs') as { readonly main: typeof Main };
  process.exitCode = await main(argv, process, name);
  if (process.exitCode === 0) await cache.keep();
}
