import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { join } from 'node:path';

import type { CredentialFile } from './credential-file.js';
import { helperProgram } from './helper.js';

/** What a credential helper is looked for with. */
export interface HelperEnvironment {
  readonly env: NodeJS.ProcessEnv;
  readonly platform: NodeJS.Platform;
}

/**
 * The helper that docker uses where its configuration says nothing of credentials at all, neither entries nor helpers: the
 * platform's own, where its program is installed.
 */
export async function defaultHelper(
  file: CredentialFile,
  { env, platform }: HelperEnvironment,
): Promise<string | undefined> {
  const decided = file.entries.size > 0 || file.helpers.size > 0 || Boolean(file.store);
  if (decided) return undefined;
  const helper = await platformHelper({ env, platform });
  if (helper === undefined) return undefined;
  return (await isOnPath(helperProgram(helper), { env, platform })) ? helper : undefined;
}

async function platformHelper(surroundings: HelperEnvironment): Promise<string | undefined> {
  const { platform } = surroundings;
  if (platform === 'darwin') return 'osxkeychain';
  if (platform === 'win32') return 'wincred';
  if (platform !== 'linux') return undefined;
  return (await isOnPath('pass', surroundings)) ? 'pass' : 'secretservice';
}

async function isOnPath(program: string, { env, platform }: HelperEnvironment): Promise<boolean> {
  const windows = platform === 'win32';
  const directories = (env['PATH'] ?? '').split(windows ? ';' : ':').filter((directory) => directory !== '');
  const names = windows ? [`${program}.exe`] : [program];
  const candidates = directories.flatMap((directory) => names.map((name) => join(directory, name)));
  for (const candidate of candidates) {
    try {
      await access(candidate, constants.X_OK);
      return true;
    } catch {
      // The next directory may have it.
    }
  }
  return false;
}
