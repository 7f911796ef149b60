import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { requestEcrAuthorization } from '../../../src/auth/ecr/ecr-authorization.js';
import type { EcrHost } from '../../../src/auth/ecr/ecr-host.js';
import type { HttpClient } from '../../../src/http/message.js';
import { CancelledError, UnavailableError } from '../../../src/oci/errors.js';
import type { RegistryHost } from '../../../src/oci/reference.js';
import { stubAwsEnvironment } from '../../support/aws-environment.js';
import { withoutAws } from '../../support/ecr-api.js';
import { FakeHttp, type FakeAnswer, type SentRequest } from '../fake-http.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

const NAME = '123456789012.dkr.ecr.eu-west-1.amazonaws.com' as RegistryHost;
const host: EcrHost = {
  kind: 'private',
  account: '123456789012',
  region: 'eu-west-1',
  fips: false,
  dualStack: false,
};
const later = new Date(Date.now() + 3600_000);
const keys = { accessKeyId: 'ASIAEXAMPLE', secretAccessKey: 'a-secret', sessionToken: 'a-session' };

let home: string;

beforeEach(async () => {
  home = await temporaryDirectory();
  stubAwsEnvironment(withoutAws);
  vi.stubEnv('HOME', home);
});

afterEach(() => {
  vi.unstubAllEnvs();
});

/** Amazon's services, all behind one client. */
function amazon(others: (request: SentRequest) => FakeAnswer | undefined = () => undefined): FakeHttp {
  return new FakeHttp((request) => {
    if (request.url.host !== 'api.ecr.eu-west-1.amazonaws.com') return others(request) ?? { status: 404 };
    const authorizationToken = Buffer.from('AWS:the password').toString('base64');
    return {
      status: 200,
      body: { authorizationData: [{ authorizationToken, expiresAt: later.getTime() / 1000 }] },
    };
  });
}

function withKeys(): void {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIAIOSFODNN7EXAMPLE');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'wJalrXUtnFEMI/K7MDENG');
}

describe('requests to AWS', () => {
  it('are sent with the given client, signed', async () => {
    withKeys();
    const http = amazon();
    expect(await requestEcrAuthorization(host, NAME, { http })).toMatchObject({ password: 'the password' });
    expect(http.log).toEqual(['POST api.ecr.eu-west-1.amazonaws.com/']);
    const [sent] = http.sent;
    expect(sent?.body).toBe('{}');
    expect(sent?.headers).toMatchObject({
      'x-amz-target': 'AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken',
      authorization: expect.stringMatching(/^AWS4-HMAC-SHA256 .*\/eu-west-1\/ecr\/aws4_request/) as string,
    });
    expect(Object.keys(sent?.headers ?? {})).not.toContain('host');
  });

  it('are sent to the FIPS and dual-stack endpoints for such hosts', async () => {
    withKeys();
    const http = new FakeHttp(() => ({ status: 500 }));
    vi.stubEnv('AWS_MAX_ATTEMPTS', '1');
    const ask = (more: object): Promise<unknown> =>
      requestEcrAuthorization({ ...host, ...more }, NAME, { http }).catch(() => {});
    await ask({ region: 'us-east-1', fips: true });
    await ask({ region: 'us-east-1', dualStack: true });
    await ask({ region: 'cn-north-1' });
    expect(http.sent.map(({ url }) => url.host)).toEqual([
      'api.ecr-fips.us-east-1.amazonaws.com',
      'ecr.us-east-1.api.aws',
      'api.ecr.cn-north-1.amazonaws.com.cn',
    ]);
  });

  it('for a role by web identity are sent with it too', async () => {
    const tokenFile = join(home, 'token');
    await writeFile(tokenFile, 'an-identity');
    vi.stubEnv('AWS_WEB_IDENTITY_TOKEN_FILE', tokenFile);
    vi.stubEnv('AWS_ROLE_ARN', 'arn:aws:iam::123456789012:role/pusher');
    const http = amazon(({ url }) =>
      url.host === 'sts.eu-west-1.amazonaws.com'
        ? {
            status: 200,
            headers: { 'content-type': 'text/xml' },
            body: `<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>
              <AccessKeyId>${keys.accessKeyId}</AccessKeyId><SecretAccessKey>${keys.secretAccessKey}</SecretAccessKey>
              <SessionToken>${keys.sessionToken}</SessionToken><Expiration>${later.toISOString()}</Expiration>
              </Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`,
          }
        : undefined,
    );
    expect(await requestEcrAuthorization(host, NAME, { http })).toMatchObject({
      password: 'the password',
      source: 'web identity',
    });
    expect(http.log).toEqual(['POST sts.eu-west-1.amazonaws.com/', 'POST api.ecr.eu-west-1.amazonaws.com/']);
    expect(http.sent[0]?.body).toContain('an-identity');
    expect(http.sent[1]?.headers['x-amz-security-token']).toBe(keys.sessionToken);
  });

  it('for SSO are sent with it too', async () => {
    const session = 'https://example.awsapps.com/start';
    const cache = join(home, '.aws', 'sso', 'cache');
    await mkdir(cache, { recursive: true });
    const file = createHash('sha1').update(session).digest('hex');
    const token = { accessToken: 'sso-token', expiresAt: later.toISOString() };
    await writeFile(join(cache, `${file}.json`), JSON.stringify(token));
    await writeFile(
      join(home, 'config'),
      `[profile work]\nsso_start_url=${session}\nsso_region=eu-central-1\nsso_account_id=123456789012\nsso_role_name=Push er\n`,
    );
    vi.stubEnv('AWS_CONFIG_FILE', join(home, 'config'));
    vi.stubEnv('AWS_PROFILE', 'work');
    const http = amazon(({ url }) =>
      url.host === 'portal.sso.eu-central-1.amazonaws.com'
        ? { status: 200, body: { roleCredentials: { ...keys, expiration: later.getTime() } } }
        : undefined,
    );
    expect(await requestEcrAuthorization(host, NAME, { http })).toMatchObject({
      source: 'a profile with SSO',
    });
    expect(http.log).toEqual([
      'GET portal.sso.eu-central-1.amazonaws.com/federation/credentials',
      'POST api.ecr.eu-west-1.amazonaws.com/',
    ]);
    expect(http.sent[0]?.url.search).toBe('?role_name=Push%20er&account_id=123456789012');
  });

  it("without a response are retried, and fail with the client's message", async () => {
    withKeys();
    vi.stubEnv('AWS_MAX_ATTEMPTS', '2');
    let sent = 0;
    const http: HttpClient = {
      preconnect: async () => undefined,
      close: () => {},
      send: () => {
        sent += 1;
        return Promise.reject(
          new UnavailableError('the proxy answered 407', { hint: 'Put a login into HTTPS_PROXY.' }),
        );
      },
    };
    await expect(requestEcrAuthorization(host, NAME, { http })).rejects.toMatchObject({
      kind: 'unavailable',
      message: `no login for ${NAME} from Amazon ECR: the proxy answered 407`,
      hint: 'Put a login into HTTPS_PROXY.',
    });
    expect(sent).toBe(2);
  });

  it('do not follow a redirect', async () => {
    withKeys();
    vi.stubEnv('AWS_MAX_ATTEMPTS', '1');
    const http = new FakeHttp(() => ({ status: 307, headers: { location: 'https://elsewhere.example/' } }));
    await expect(requestEcrAuthorization(host, NAME, { http })).rejects.toThrow(
      'the AWS API redirects to elsewhere.example, which is not allowed',
    );
    expect(http.log).toEqual(['POST api.ecr.eu-west-1.amazonaws.com/']);
  });

  it('end when they are cancelled', async () => {
    withKeys();
    const controller = new AbortController();
    const http: HttpClient = {
      preconnect: async () => undefined,
      close: () => {},
      send: async ({ signal }) => {
        controller.abort();
        expect(signal?.aborted).toBe(true);
        throw new CancelledError('Cancelled');
      },
    };
    const asked = requestEcrAuthorization(host, NAME, { http, signal: controller.signal });
    await expect(asked).rejects.toMatchObject({ kind: 'cancelled' });
  });
});
