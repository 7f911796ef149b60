import { statSync } from 'node:fs';
import { join } from 'node:path';

import { findHome } from '../../environment.js';
import { configDirectory } from '../../files/config-directory.js';

/** Returns the path of the configuration file; `undefined` if nothing names a directory for it. */
export function configPath(env: NodeJS.ProcessEnv): string | undefined {
  const directory = configDirectory({ env, platform: process.platform, homeDirectory: findHome(env) });
  return directory === undefined ? undefined : join(directory, 'config.yaml');
}

/** Reports whether a file exists, or may exist in a directory that cannot be read. */
export function mayExist(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    // A part of the path is a file.
    return !(error instanceof Error && 'code' in error && error.code === 'ENOTDIR');
  }
}
