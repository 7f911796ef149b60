import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { parseCredentialFile } from '../../../src/auth/credentials/credential-file.js';
import { defaultHelper } from '../../../src/auth/credentials/default-helper.js';
import { dockerConfig } from '../../../src/auth/credentials/docker-config.js';
import type { RegistryHost } from '../../../src/oci/reference.js';
import { installHelper } from '../helper-program.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'multiarch-default-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function install(...programs: readonly string[]): Promise<void> {
  for (const program of programs) {
    await writeFile(join(directory, program), '#!/bin/sh\n');
    await chmod(join(directory, program), 0o755);
  }
}

function detect(platform: NodeJS.Platform, config: object = {}): Promise<string | undefined> {
  const file = parseCredentialFile(JSON.stringify(config), 'file');
  const separator = platform === 'win32' ? ';' : ':';
  return defaultHelper(file, { env: { PATH: ['/none', directory].join(separator) }, platform });
}

describe('the helper of a platform', () => {
  it.each<[NodeJS.Platform, readonly string[], string | undefined]>([
    ['linux', ['docker-credential-secretservice'], 'secretservice'],
    ['linux', ['docker-credential-secretservice', 'docker-credential-pass', 'pass'], 'pass'],
    ['linux', ['docker-credential-secretservice', 'pass'], undefined],
    ['linux', ['docker-credential-pass'], undefined],
    ['darwin', ['docker-credential-osxkeychain'], 'osxkeychain'],
    ['darwin', ['docker-credential-secretservice'], undefined],
    ['win32', ['docker-credential-wincred.exe'], 'wincred'],
    ['win32', [], undefined],
    ['freebsd', ['docker-credential-secretservice'], undefined],
  ])('on %s with %j is %s', async (platform, programs, expected) => {
    await install(...programs);
    expect(await detect(platform)).toBe(expected);
  });

  it('is only one that may be run', async () => {
    await install('docker-credential-osxkeychain');
    await chmod(join(directory, 'docker-credential-osxkeychain'), 0o600);
    expect(await detect('darwin')).toBeUndefined();
  });

  it.each([{ auths: { 'r.example': {} } }, { credHelpers: { a: 'b' } }, { credsStore: 'c' }])(
    'is not looked for where the configuration says something: %j',
    async (config) => {
      await install('docker-credential-osxkeychain');
      expect(await detect('darwin', config)).toBeUndefined();
      expect(await detect('darwin', { auths: {}, psFormat: 'x' })).toBe('osxkeychain');
    },
  );

  it('is asked for the logins of docker, also without a configuration', async () => {
    const { env } = await installHelper(directory, 'osxkeychain', { get: { 'r.example': { user: 'jane' } } });
    const config = dockerConfig({ env, homeDirectory: directory, platform: 'darwin' });
    expect(await config.find('r.example' as RegistryHost, undefined)).toMatchObject({
      username: 'jane',
      origin: `docker-credential-osxkeychain (named in ${join(directory, '.docker', 'config.json')})`,
    });
    expect(env['PATH']).toContain(delimiter);
  });
});
