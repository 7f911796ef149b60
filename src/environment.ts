/** The home directory of a user who has none: it does not exist. */
export const NO_HOME = '/nonexistent';

/** Where settings are looked up: environment variables, the user's home directory and the platform. */
export interface Environment {
  readonly env: NodeJS.ProcessEnv;
  /** {@link NO_HOME} if no variable names it and the user ID has no account. */
  readonly homeDirectory: string;
  readonly platform: NodeJS.Platform;
}
