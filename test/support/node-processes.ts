import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';

import { run, type RunOptions, type RunResult } from './run.js';

/** Runs jobs in processes of their own, with the code as it is in `src/`. */
export interface NodeProcesses<Job, Result> {
  readonly start: (job: Job, options?: RunOptions) => Promise<RunResult>;
  /** As `start`, for a process that must come to its end. */
  readonly finish: (job: Job, options?: RunOptions) => Promise<Result>;
  /** The command line that `start` runs, for a test that puts something before it. */
  readonly commandLine: (job: Job) => readonly [command: string, ...args: string[]];
  readonly remove: () => Promise<void>;
}

/**
 * Bundles the code for the processes, since Node.js 20 cannot run TypeScript.
 * @param main the TypeScript file that they run: it finds its job in `process.argv[2]` as JSON, and prints its
 *   result in the same way
 */
export async function makeNodeProcesses<Job, Result>(main: URL): Promise<NodeProcesses<Job, Result>> {
  const directory = await mkdtemp(join(tmpdir(), 'multiarch-test-'));
  // A test may run the script as another user.
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
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}
