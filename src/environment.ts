import { homedir, userInfo } from 'node:os';

/** The home directory of a user who has none: it does not exist. */
export const NO_HOME = '/nonexistent';

/** Where settings are looked up: environment variables, the user's home directory and the platform. */
export interface Environment {
  readonly env: NodeJS.ProcessEnv;
  /** {@link NO_HOME} if no variable names it and the user ID has no account. */
  readonly homeDirectory: string;
  readonly platform: NodeJS.Platform;
}

/** The user's home directory; `undefined` if no variable names it and the user ID has no account, as in many containers. */
export function findHome(env: NodeJS.ProcessEnv): string | undefined {
  const named = env[process.platform === 'win32' ? 'USERPROFILE' : 'HOME'];
  if (named !== undefined && named !== '') return named;
  for (const find of [homedir, () => userInfo().homedir]) {
    try {
      const found = find();
      if (found !== '') return found;
    } catch {
      // The user ID has no account.
    }
  }
  return undefined;
}
