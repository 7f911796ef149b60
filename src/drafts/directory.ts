import { posix, win32 } from 'node:path';

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: NodeJS.Platform;
  /** The user's home directory. */
  readonly home: string;
}

/**
 * The directory that drafts are kept in: `$MULTIARCH_STORE`, else `$XDG_STATE_HOME/multiarch/drafts`, else the
 * platform's own place. An empty variable counts as unset. `XDG_STATE_HOME` counts only when it is an absolute path
 * (XDG Base Directory Specification, "Basics").
 *
 * @param chosen what `--store` says; goes before all else
 */
export function storeDirectory({ env, platform, home }: Surroundings, chosen?: string): string {
  const path = platform === 'win32' ? win32 : posix;
  const own = chosen ?? nonEmpty(env['MULTIARCH_STORE']);
  if (own !== undefined) return own;
  const state = nonEmpty(env['XDG_STATE_HOME']);
  if (state !== undefined && path.isAbsolute(state)) return path.join(state, 'multiarch', 'drafts');
  return path.join(platformState(), 'multiarch', 'drafts');

  function platformState(): string {
    if (platform === 'darwin') return path.join(home, 'Library', 'Application Support');
    if (platform === 'win32') return nonEmpty(env['LOCALAPPDATA']) ?? path.join(home, 'AppData', 'Local');
    return path.join(home, '.local', 'state');
  }
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}
