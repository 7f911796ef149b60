import { posix, win32 } from 'node:path';

import type { Environment } from '../environment.js';

/** An environment in which the user may have no home directory. */
export interface CacheEnvironment extends Omit<Environment, 'homeDirectory'> {
  readonly homeDirectory: string | undefined;
}

/**
 * The directory for what can be deleted at any time: `$XDG_CACHE_HOME/multiarch`, else the platform's directory for caches.
 * An empty variable counts as unset. A relative `XDG_CACHE_HOME` is ignored (XDG Base Directory Specification, "Basics").
 *
 * @returns `undefined` if nothing names a directory
 */
export function cacheDirectory({ env, platform, homeDirectory }: CacheEnvironment): string | undefined {
  const path = platform === 'win32' ? win32 : posix;
  const cache = env['XDG_CACHE_HOME'] ?? '';
  if (path.isAbsolute(cache)) return path.join(cache, 'multiarch');
  if (platform === 'win32') {
    const inHome = homeDirectory && path.join(homeDirectory, 'AppData', 'Local');
    const local = env['LOCALAPPDATA'] || inHome;
    return local && path.join(local, 'multiarch', 'cache');
  }
  const inHome = platform === 'darwin' ? path.join('Library', 'Caches') : '.cache';
  return homeDirectory && path.join(homeDirectory, inHome, 'multiarch');
}
