import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { CredentialChain, credentialChain } from '../../../src/auth/credentials/credential-chain.js';
import type { CredentialProvider, FoundCredential } from '../../../src/auth/credentials/credential.js';
import { CancelledError, FailedError } from '../../../src/oci/errors.js';
import type { RegistryHost } from '../../../src/oci/reference.js';
import { found } from '../../support/credentials.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

const registry = 'r.example' as RegistryHost;
const login = (username: string): FoundCredential => found({ kind: 'basic', username, password: 'secret' });
const jane = login('jane');

const quiet = { onWarning: (): void => {} };

function provider(result: FoundCredential | Error | undefined): CredentialProvider & { asked: number } {
  return {
    name: 'test',
    asked: 0,
    find() {
      this.asked += 1;
      return result instanceof Error ? Promise.reject(result) : Promise.resolve(result);
    },
  };
}

describe('a chain of credential providers', () => {
  it('returns the first credential and asks no further', async () => {
    const [none, first, second] = [provider(undefined), provider(jane), provider(login('joe'))];
    expect(await new CredentialChain([none, first, second], quiet).find(registry, undefined)).toBe(jane);
    expect([none.asked, first.asked, second.asked]).toEqual([1, 1, 0]);
  });

  it('returns none if no provider has one', async () => {
    expect(await new CredentialChain([provider(undefined)], quiet).find(registry, undefined)).toBeUndefined();
  });

  it('skips a broken provider, with one warning', async () => {
    const warnings: string[] = [];
    const broken = provider(new FailedError('file is not valid JSON', { hint: 'Fix it.' }));
    const chain = new CredentialChain([broken, provider(jane)], {
      onWarning: (message) => warnings.push(message),
    });
    expect([await chain.find(registry, undefined), await chain.find(registry, undefined)]).toEqual([
      jane,
      jane,
    ]);
    expect(warnings).toEqual(['file is not valid JSON (Fix it.)']);
  });

  it.each([new CancelledError('cancelled'), new TypeError('a defect')])('does not hide %s', async (error) => {
    const chain = new CredentialChain([provider(error), provider(jane)], quiet);
    await expect(chain.find(registry, undefined)).rejects.toBe(error);
  });
});

describe('the chain of this machine', () => {
  it("continues without a credential if docker's helper is missing, with a warning and a hint", async () => {
    const home = await temporaryDirectory();
    await mkdir(join(home, '.docker'));
    await writeFile(join(home, '.docker', 'config.json'), '{"credsStore":"missing"}');
    const warnings: string[] = [];
    const chain = credentialChain({
      env: { PATH: home },
      homeDirectory: home,
      platform: process.platform,
      onWarning: (message) => warnings.push(message),
    });
    expect(await chain.find(registry, undefined)).toBeUndefined();
    expect(warnings).toEqual([
      `credential helper docker-credential-missing gave no login for r.example: it is not on the PATH (Install it, or remove missing from "credsStore" and "credHelpers" in ${join(home, '.docker', 'config.json')}.)`,
    ]);
  });
});
