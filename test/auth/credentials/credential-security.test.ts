import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';

import { describe, expect, it } from 'vitest';

import { credentialChain } from '../../../src/auth/credentials/credential-chain.js';
import { FoundCredential, type RegistryCredential } from '../../../src/auth/credentials/credential.js';
import type { RegistryHost } from '../../../src/oci/reference.js';
import { installHelper } from '../helper-program.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

const SECRET = /topsecret|dG9wc2VjcmV0/;
const shown = (value: unknown): string =>
  [
    inspect(value, { showHidden: true, depth: Infinity, getters: true }),
    JSON.stringify(value),
    String(value),
  ].join('\n');

describe('the output of util.inspect, a log or JSON', () => {
  it.each<RegistryCredential>([
    { kind: 'basic', username: 'jane', password: 'topsecret' },
    { kind: 'identity', token: 'topsecret' },
    { kind: 'bearer', token: 'topsecret' },
  ])('does not contain the secret of a credential: $kind', (credential) => {
    const found = new FoundCredential(credential, { provider: 'a provider', origin: '/a/file' });
    expect(shown(found)).not.toMatch(SECRET);
    expect(shown(found)).toContain('/a/file');
    expect(found.reveal()).toEqual(credential);
  });

  it('does not contain what the chain has read from variable, file, helper and flags', async () => {
    const home = await temporaryDirectory();
    const auth = Buffer.from('jane:topsecret').toString('base64');
    const { env } = await installHelper(home, 'vault', 'echo \'{"Username":"jane","Secret":"topsecret"}\'');
    await writeFile(
      join(home, 'config.json'),
      JSON.stringify({ auths: { 'f.example': { auth } }, credHelpers: { 'h.example': 'vault' } }),
    );
    const told: unknown[] = [];
    const chain = credentialChain({
      env: {
        ...env,
        DOCKER_CONFIG: home,
        DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { 'v.example': { auth } } }),
      },
      homeDirectory: home,
      platform: process.platform,
      explicit: {
        registry: 'g.example' as RegistryHost,
        credential: () => Promise.resolve({ kind: 'basic', username: 'jane', password: 'topsecret' }),
      },
      onWarning: (message) => told.push(message),
      onFound: (...found) => told.push(found),
    });
    const hosts = ['v.example', 'f.example', 'h.example', 'g.example', 'none.example'] as RegistryHost[];
    const found = await Promise.all(hosts.map((host) => chain.find(host, undefined)));
    expect(found.map((one) => one?.origin)).toEqual([
      'DOCKER_AUTH_CONFIG',
      join(home, 'config.json'),
      `docker-credential-vault (named in ${join(home, 'config.json')})`,
      'command line',
      undefined,
    ]);
    expect(told).toHaveLength(hosts.length);
    expect(shown([chain, found, told])).not.toMatch(SECRET);
  });
});

describe('an explicit credential', () => {
  it('is for its own registry only, and read once', async () => {
    let asked = 0;
    const chain = credentialChain({
      env: {},
      homeDirectory: '/nonexistent',
      platform: 'aix',
      explicit: {
        registry: 'r.example' as RegistryHost,
        credential: () => {
          asked += 1;
          return Promise.resolve({ kind: 'bearer', token: 'x' });
        },
      },
      onWarning: () => {},
    });
    const find = (host: string): Promise<FoundCredential | undefined> =>
      chain.find(host as RegistryHost, undefined);
    expect(await find('r.example.evil.net')).toBeUndefined();
    expect(await find('r.example:5000')).toBeUndefined();
    expect(asked).toBe(0);
    expect(await Promise.all([find('r.example'), find('r.example')])).toHaveLength(2);
    expect(asked).toBe(1);
  });
});
