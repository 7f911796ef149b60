/** Where settings are looked up: environment variables, the user's home directory and the platform. */
export interface Environment {
  readonly env: NodeJS.ProcessEnv;
  readonly homeDirectory: string;
  readonly platform: NodeJS.Platform;
}
