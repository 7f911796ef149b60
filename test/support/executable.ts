import { fileURLToPath } from 'node:url';

/** The single executable that the tests of the command run instead of the built files: `npm run test:executable`. */
export const EXECUTABLE = process.env['MULTIARCH_EXECUTABLE'];

/** Whether tests may look into the running Node.js: its options, and the files that it loads. An executable has neither. */
export const RUNS_ON_NODE = EXECUTABLE === undefined;

/** The file that starts the command. */
export const LAUNCHER = EXECUTABLE ?? fileURLToPath(new URL('../../bin/multiarch.js', import.meta.url));

/** The program and first arguments that start the command. */
export const COMMAND: readonly [string, ...string[]] = RUNS_ON_NODE
  ? [process.execPath, LAUNCHER]
  : [LAUNCHER];
