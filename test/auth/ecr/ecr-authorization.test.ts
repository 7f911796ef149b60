import { inspect } from 'node:util';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { requestEcrAuthorization } from '../../../src/auth/ecr/ecr-authorization.js';
import type { EcrHost } from '../../../src/auth/ecr/ecr-host.js';
import { FailedError, MultiarchError } from '../../../src/oci/errors.js';
import type { RegistryHost } from '../../../src/oci/reference.js';
import { stubAwsEnvironment } from '../../support/aws-environment.js';
import { EcrApi, withoutAws, type AwsApiError } from '../../support/ecr-api.js';
import { failureOf } from '../../support/failure.js';

const NAME = '123456789012.dkr.ecr.eu-west-1.amazonaws.com' as RegistryHost;
const inRegion: EcrHost = {
  kind: 'private',
  account: '123456789012',
  region: 'eu-west-1',
  fips: false,
  dualStack: false,
};
const everywhere: EcrHost = { kind: 'public' };

let api: EcrApi;

beforeEach(async () => {
  api = await EcrApi.start();
  stubAwsEnvironment(api.env);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await api.close();
});

const failure = (host: EcrHost): Promise<MultiarchError> =>
  failureOf(requestEcrAuthorization(host, NAME), MultiarchError);

describe('requestEcrAuthorization', () => {
  it("asks the API of the host's region", async () => {
    const given = await requestEcrAuthorization(inRegion, NAME);

    expect(given).toMatchObject({
      username: 'AWS',
      password: api.password,
      source: 'the environment',
    });
    expect(given?.expiresAt).toBeGreaterThan(Date.now() + 11 * 3600_000);
    expect(api.calls).toEqual(['AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken']);
    expect(api.requests[0]?.headers['authorization']).toContain('/eu-west-1/ecr/aws4_request');
  });

  it('ignores AWS_REGION', async () => {
    vi.stubEnv('AWS_REGION', 'us-west-2');
    await requestEcrAuthorization(inRegion, NAME);
    expect(api.requests[0]?.headers['authorization']).toContain('/eu-west-1/ecr/aws4_request');
  });

  it('asks for the public registry in us-east-1, whatever AWS_REGION is', async () => {
    vi.stubEnv('AWS_REGION', 'eu-west-1');
    expect(await requestEcrAuthorization(everywhere, 'public.ecr.aws' as RegistryHost)).toMatchObject({
      username: 'AWS',
      password: api.password,
    });
    expect(api.calls).toEqual(['SpencerFrontendService.GetAuthorizationToken']);
    expect(api.requests[0]?.headers['authorization']).toContain('/us-east-1/ecr-public/aws4_request');
  });

  it.each<[string, AwsApiError, MultiarchError['kind'], RegExp]>([
    [
      'a missing permission',
      {
        status: 400,
        type: 'AccessDeniedException',
        message: 'User: ann is not authorized to perform: ecr:GetAuthorizationToken',
      },
      'unauthorized',
      /IAM permission ecr:GetAuthorizationToken, on all resources/,
    ],
    [
      'credentials that have expired',
      { status: 400, type: 'ExpiredTokenException', message: 'The security token is expired' },
      'unauthorized',
      /aws sso login/,
    ],
    [
      'unknown credentials',
      { status: 400, type: 'UnrecognizedClientException', message: 'The security token is invalid.' },
      'unauthorized',
      /wrong or have expired/,
    ],
    [
      'too many logins',
      { status: 400, type: 'ThrottlingException', message: 'Rate exceeded' },
      'rate-limited',
      /^Retry later/,
    ],
    [
      'a fault of the API',
      { status: 500, type: 'ServerException', message: 'Internal failure' },
      'unavailable',
      /AWS_ENDPOINT_URL_ECR/,
    ],
  ])('has a hint for %s', async (_what, rejection, kind, hint) => {
    vi.stubEnv('AWS_MAX_ATTEMPTS', '1');
    api.rejection = rejection;

    const error = await failure(inRegion);

    expect(error.kind).toBe(kind);
    expect(error.message).toContain(NAME);
    expect(error.message).toContain(rejection.message);
    expect(error.hint).toMatch(hint);
  });

  it('names both permissions for the public registry', async () => {
    api.rejection = { status: 400, type: 'AccessDeniedException', message: 'no' };
    expect((await failure(everywhere)).hint).toContain(
      'ecr-public:GetAuthorizationToken and sts:GetServiceBearerToken',
    );
  });

  describe('without AWS credentials', () => {
    beforeEach(() => {
      vi.stubEnv('AWS_ACCESS_KEY_ID', undefined);
      vi.stubEnv('AWS_SECRET_ACCESS_KEY', undefined);
      for (const [name, value] of Object.entries(withoutAws)) vi.stubEnv(name, value);
    });

    it('names the sources that were tried', async () => {
      const error = await failure(inRegion);
      expect(error.kind).toBe('unauthorized');
      expect(error.message).toMatch(/^no AWS credentials to log in to 123456789012/);
      expect(error.hint).toMatch(
        /environment .* profile .* SSO, web identity, the container and the instance/,
      );
      expect(api.calls).toEqual([]);
    });

    it('returns undefined for the public registry, which can be read anonymously', async () => {
      expect(await requestEcrAuthorization(everywhere, 'public.ecr.aws' as RegistryHost)).toBeUndefined();
    });
  });

  it('rejects an unreadable response, without printing it', async () => {
    const odd = await EcrApi.start({
      fault: () => ({
        status: 200,
        headers: { 'content-type': 'application/x-amz-json-1.1' },
        body: Buffer.from(JSON.stringify({ authorizationData: [{ authorizationToken: 'c2VjcmV0' }] })),
      }),
    });
    try {
      for (const [name, value] of Object.entries(odd.env)) vi.stubEnv(name, value);
      const error = await failure(inRegion);
      expect(error).toBeInstanceOf(FailedError);
      expect(inspect(error, { depth: 9 })).not.toMatch(/c2VjcmV0|secret/);
    } finally {
      await odd.close();
    }
  });

  it('never puts the secret key into an error', async () => {
    api.rejection = { status: 400, type: 'AccessDeniedException', message: 'no' };
    const error = await failure(inRegion);
    expect(inspect(error, { depth: 20, showHidden: true })).not.toContain('wJalrXUtnFEMI');
  });

  it('can be cancelled', async () => {
    const controller = new AbortController();
    controller.abort();
    const asked = requestEcrAuthorization(inRegion, NAME, { signal: controller.signal });
    await expect(asked).rejects.toMatchObject({ kind: 'cancelled' });
  });
});
