/** The entry point of `dist/action.cjs`, which `action.yml` names. */
import { runAction } from './run.js';

async function start(): Promise<void> {
  process.exitCode = await runAction(process);
}

void start();
