import { posix, win32 } from 'node:path';

import type { Environment } from '../environment.js';

/** An environment in which the user may have no home directory. */
export interface StoreEnvironment extends Omit<Environment, 'homeDirectory'> {
  readonly homeDirectory: string | undefined;
}

/**
 * The directory of the drafts: `$MULTIARCH_STORE`, else `$XDG_STATE_HOME/multiarch/drafts`, else the platform's
 * directory for application state. An empty variable counts as unset. A relative `XDG_STATE_HOME` is ignored
 * (XDG Base Directory Specification, "Basics").
 *
 * @param option the value of `--store`, which takes precedence
 * @returns `undefined` if nothing names a directory
 */
export function storeDirectory(environment: StoreEnvironment, option?: string): string | undefined {
  const { env, platform, homeDirectory } = environment;
  const path = platform === 'win32' ? win32 : posix;
  const configured = option ?? nonEmpty(env['MULTIARCH_STORE']);
  if (configured !== undefined) return configured;
  const state = nonEmpty(env['XDG_STATE_HOME']);
  if (state !== undefined && path.isAbsolute(state)) return path.join(state, 'multiarch', 'drafts');
  const local = platform === 'win32' ? nonEmpty(env['LOCALAPPDATA']) : undefined;
  const inHome = homeDirectory === undefined ? undefined : path.join(homeDirectory, ...stateOf(platform));
  const platformState = local ?? inHome;
  return platformState === undefined ? undefined : path.join(platformState, 'multiarch', 'drafts');
}

/** The directory for application state in the home directory. */
function stateOf(platform: NodeJS.Platform): readonly string[] {
  if (platform === 'darwin') return ['Library', 'Application Support'];
  return platform === 'win32' ? ['AppData', 'Local'] : ['.local', 'state'];
}

function nonEmpty(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}
