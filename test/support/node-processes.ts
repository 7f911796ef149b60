import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';

import { run, type RunOptions, type RunResult } from './run.js';
import { sharedDirectory } from './sandbox.js';

/** Runs jobs in Node.js processes with the current code of `src/`. */
export interface NodeProcesses<Job, Result> {
  readonly start: (job: Job, options?: RunOptions) => Promise<RunResult>;
  /** Like `start`, for a process that must exit with 0. */
  readonly finish: (job: Job, options?: RunOptions) => Promise<Result>;
  /** The command line of `start`, for tests that run it with a wrapper. */
  readonly commandLine: (job: Job) => readonly [command: string, ...args: string[]];
  readonly remove: () => Promise<void>;
}

/**
 * Bundles the code for the processes, since Node.js 20 cannot run TypeScript.
 * @param main The TypeScript file of the processes. It reads its job from `process.argv[2]` and prints its result, both as
 *   JSON.
 */
export async function makeNodeProcesses<Job, Result>(main: URL): Promise<NodeProcesses<Job, Result>> {
  const { directory, remove } = await sharedDirectory();
  // A test may run the script as a different user.
  await chmod(directory, 0o755);
  const script = join(directory, 'main.mjs');
  await build({
    entryPoints: [fileURLToPath(main)],
    outfile: script,
    bundle: true,
    platform: 'node',
    // As in build.mjs: the CommonJS form of jsonc-parser cannot be bundled.
    mainFields: ['module', 'main'],
    format: 'esm',
    target: 'node20',
  });
  const commandLine = (job: Job): [string, ...string[]] => [process.execPath, script, JSON.stringify(job)];
  const start = (job: Job, options?: RunOptions): Promise<RunResult> => {
    const [command, ...args] = commandLine(job);
    return run(command, args, options);
  };
  return {
    start,
    commandLine,
    finish: async (job, options) => {
      const { code, signal, stdout, stderr } = await start(job, options);
      if (code !== 0) throw new Error(`the process ended with ${code ?? signal}\n${stdout}\n${stderr}`);
      return JSON.parse(stdout) as Result;
    },
    remove,
  };
}
