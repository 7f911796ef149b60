import { posix, win32 } from 'node:path';

import type { CacheEnvironment } from './cache-directory.js';

/**
 * The directory for configuration: `$XDG_CONFIG_HOME/multiarch`, else the platform's directory for it. An empty variable counts
 * as unset. A relative `XDG_CONFIG_HOME` is ignored (XDG Base Directory Specification, "Basics").
 *
 * @returns `undefined` if nothing names a directory
 */
export function configDirectory({ env, platform, homeDirectory }: CacheEnvironment): string | undefined {
  const path = platform === 'win32' ? win32 : posix;
  const config = env['XDG_CONFIG_HOME'] ?? '';
  if (path.isAbsolute(config)) return path.join(config, 'multiarch');
  const named = platform === 'win32' ? env['APPDATA'] : undefined;
  if (named !== undefined && named !== '') return path.join(named, 'multiarch');
  if (homeDirectory === undefined) return undefined;
  return path.join(homeDirectory, ...configOf(platform), 'multiarch');
}

/** The directory for configuration in the home directory. */
function configOf(platform: NodeJS.Platform): readonly string[] {
  if (platform === 'darwin') return ['Library', 'Application Support'];
  return platform === 'win32' ? ['AppData', 'Roaming'] : ['.config'];
}
