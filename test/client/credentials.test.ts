import { tmpdir } from 'node:os';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { credentials } from '../../src/client/credentials.js';
import { FailedError } from '../../src/oci/errors.js';
import type { RegistryHost } from '../../src/oci/reference.js';
import { withAws } from '../support/ecr-api.js';

const ECR = '123456789012.dkr.ecr.eu-west-1.amazonaws.com' as RegistryHost;

beforeEach(() => {
  for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) vi.stubEnv(name, undefined);
  for (const [name, value] of Object.entries(withAws)) vi.stubEnv(name, value);
});
afterEach(() => {
  vi.unstubAllEnvs();
});

/** Reports whether a login is requested from AWS. */
async function asksAws(env: NodeJS.ProcessEnv): Promise<boolean> {
  let asked = false;
  const http = (): never => {
    asked = true;
    throw new FailedError('not in this test');
  };
  const chain = credentials({ env, platform: process.platform, homeDirectory: `${tmpdir()}/missing`, http });
  expect(await chain.find(ECR, undefined)).toBeUndefined();
  return asked;
}

describe("'env' without the AWS settings of the process: no request to AWS", () => {
  it.each<[string, () => NodeJS.ProcessEnv]>([
    ['an empty one', () => ({})],
    ['other keys', () => ({ ...process.env, AWS_ACCESS_KEY_ID: 'AKIAOTHER' })],
    ['another profile', () => ({ ...process.env, AWS_PROFILE: 'work' })],
    ['without one of the variables', () => ({ ...process.env, AWS_SECRET_ACCESS_KEY: undefined })],
  ])('%s', async (_what, env) => {
    expect(await asksAws(env())).toBe(false);
  });
});

it.each<[string, () => NodeJS.ProcessEnv]>([
  ["the process's own environment", () => process.env],
  ['a copy with a setting that does not concern AWS', () => ({ ...process.env, DOCKER_CONFIG: '/none' })],
])('a login is requested from AWS with %s', async (_what, env) => {
  expect(await asksAws(env())).toBe(true);
});
