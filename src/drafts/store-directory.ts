import { posix, win32 } from 'node:path';

import type { Environment } from '../environment.js';

/**
 * The directory of the drafts: `$MULTIARCH_STORE`, else `$XDG_STATE_HOME/multiarch/drafts`, else the platform's
 * directory for application state. An empty variable counts as unset. A relative `XDG_STATE_HOME` is ignored
 * (XDG Base Directory Specification, "Basics").
 *
 * @param option the value of `--store`, which takes precedence
 */
export function storeDirectory(environment: Environment, option?: string): string {
  const { env, platform, homeDirectory } = environment;
  const path = platform === 'win32' ? win32 : posix;
  const configured = option ?? nonEmpty(env['MULTIARCH_STORE']);
  if (configured !== undefined) return configured;
  const state = nonEmpty(env['XDG_STATE_HOME']);
  if (state !== undefined && path.isAbsolute(state)) return path.join(state, 'multiarch', 'drafts');
  return path.join(platformState(), 'multiarch', 'drafts');

  function platformState(): string {
    if (platform === 'darwin') return path.join(homeDirectory, 'Library', 'Application Support');
    if (platform === 'win32')
      return nonEmpty(env['LOCALAPPDATA']) ?? path.join(homeDirectory, 'AppData', 'Local');
    return path.join(homeDirectory, '.local', 'state');
  }
}

function nonEmpty(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}
