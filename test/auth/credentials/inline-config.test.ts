import { describe, expect, it } from 'vitest';

import type { Credential } from '../../../src/auth/credentials/credential.js';
import { InlineConfigProvider } from '../../../src/auth/credentials/inline-config.js';
import { FailedError } from '../../../src/oci/errors.js';
import type { RegistryHost } from '../../../src/oci/reference.js';

const registry = 'r.example' as RegistryHost;
const find = async (text?: string): Promise<Credential | undefined> => {
  const env = text === undefined ? {} : { DOCKER_AUTH_CONFIG: text };
  return (await new InlineConfigProvider({ env }).find(registry, undefined))?.reveal();
};

describe('DOCKER_AUTH_CONFIG', () => {
  it('holds logins', async () => {
    expect(await find('{"auths":{"https://r.example/v1/":{"auth":"dXNlcjpwYXNz"}}}')).toEqual({
      kind: 'basic',
      username: 'user',
      password: 'pass',
    });
  });

  it.each([undefined, '', ' ', '{}', '{"auths":{}}', '{"auths":{"other.example":{"auth":"dXNlcjpwYXNz"}}}'])(
    '%j holds none for this registry',
    async (text) => {
      expect(await find(text)).toBeUndefined();
    },
  );

  it.each([
    '{"auths":{"r.example":{"username":"topsecret","password":"topsecret"}}}',
    '{"auths":{"other.example":{"identitytoken":"topsecret"}}}',
    '{"auths":{},"credsStore":"x"}',
    '{"auths":{"r.example":{"auth":"dXNlcjpwYXNz"}}}{}',
    '{"auths":"topsecret"}',
    'topsecret',
    '{"auths":{"r.example":null}}',
    '{"auths":{"r.example":{"auth":"topsecret"}}}',
  ])('%j is refused as docker does, by the name of the variable', async (text) => {
    await expect(find(text)).rejects.toThrow(FailedError);
    await expect(find(text)).rejects.toThrow(/^DOCKER_AUTH_CONFIG(?!.*topsecret)/);
  });
});
