import { getRawAsset } from 'node:sea';

import { start } from './start.js';

/**
 * The main script of the single executable. It can load only modules of Node.js, so it is one file; the other files of the
 * program are assets of the executable.
 */
void start({
  // No folder on disk: stack traces name the files as if the executable were one.
  dist: process.execPath,
  read: (name) => Buffer.from(getRawAsset(name) as ArrayBuffer),
  load: loadBuiltin,
});

/** Unlike `require`, this never looks for files: those near the executable may be anyone's. */
function loadBuiltin(specifier: string): unknown {
  const loaded: unknown = process.getBuiltinModule(specifier);
  if (loaded === undefined) throw new Error(`cannot find module ${specifier}`);
  return loaded;
}
