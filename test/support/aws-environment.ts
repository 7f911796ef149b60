import { vi } from 'vitest';

/** Replaces all AWS_ variables of this process until `vi.unstubAllEnvs`. */
export function stubAwsEnvironment(env: Readonly<Record<string, string>>): void {
  for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) vi.stubEnv(name, undefined);
  // The bundle sets this at build time.
  vi.stubEnv('AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED', 'true');
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
}
