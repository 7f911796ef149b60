import { describe, expect, it } from 'vitest';

import { awsSource } from '../../../src/auth/ecr/aws-source.js';

describe('awsSource', () => {
  it.each<[name: string | undefined, features: readonly string[]]>([
    ['the environment', ['CREDENTIALS_ENV_VARS']],
    ['web identity', ['CREDENTIALS_ENV_VARS_STS_WEB_ID_TOKEN', 'CREDENTIALS_STS_ASSUME_ROLE_WEB_ID']],
    ['a profile', ['CREDENTIALS_PROFILE']],
    ['a profile', ['CREDENTIALS_IMDS', 'CREDENTIALS_PROFILE_NAMED_PROVIDER']],
    ['a profile', ['CREDENTIALS_STS_ASSUME_ROLE', 'CREDENTIALS_PROFILE_SOURCE_PROFILE']],
    ['a profile with SSO', ['CREDENTIALS_SSO', 'CREDENTIALS_PROFILE_SSO']],
    ['the program that a profile names', ['CREDENTIALS_PROCESS', 'CREDENTIALS_PROFILE_PROCESS']],
    ['SSO', ['CREDENTIALS_SSO']],
    ['the container', ['CREDENTIALS_HTTP']],
    ['the instance', ['CREDENTIALS_IMDS']],
    [undefined, ['CREDENTIALS_CODE']],
  ])('%s: %j', (name, features) => {
    const $source = Object.fromEntries(features.map((feature) => [feature, 'x']));
    expect(awsSource({ accessKeyId: 'a', secretAccessKey: 'b', $source })).toBe(name);
  });

  it.each([[{}], [{ $source: 'x' }], [{ $source: null }]])('returns undefined for %j', (credentials) => {
    expect(awsSource(credentials)).toBeUndefined();
  });
});
