import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { requestEcrAuthorization } from '../../../src/auth/ecr/ecr-authorization.js';
import type { EcrHost } from '../../../src/auth/ecr/ecr-host.js';
import { MultiarchError } from '../../../src/oci/errors.js';
import type { RegistryHost } from '../../../src/oci/reference.js';
import { stubAwsEnvironment } from '../../support/aws-environment.js';
import { withoutAws } from '../../support/ecr-api.js';
import { FakeHttp, type FakeAnswer, type SentRequest } from '../fake-http.js';
import { failureOf } from '../../support/failure.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

const NAME = '123456789012.dkr.ecr.eu-west-1.amazonaws.com' as RegistryHost;
const privateHost: EcrHost = {
  kind: 'private',
  account: '123456789012',
  region: 'eu-west-1',
  fips: false,
  dualStack: false,
};
const IDENTITY = 'eyJhbGciOiJub25lIn0.very+secret/identity.c2lnbmF0dXJl';

let home: string;

beforeEach(async () => {
  home = await temporaryDirectory();
  stubAwsEnvironment(withoutAws);
  vi.stubEnv('AWS_MAX_ATTEMPTS', '1');
  vi.stubEnv('HOME', home);
});
afterEach(() => {
  vi.unstubAllEnvs();
});

async function put(name: string, text: string): Promise<string> {
  const path = join(home, name);
  await writeFile(path, text);
  return path;
}

async function withIdentity(): Promise<void> {
  vi.stubEnv('AWS_WEB_IDENTITY_TOKEN_FILE', await put('identity', IDENTITY));
  vi.stubEnv('AWS_ROLE_ARN', 'arn:aws:iam::123456789012:role/push');
}

/** An error response of STS. */
function stsError(code: string, message: string): FakeAnswer {
  const safe = message.replaceAll('&', '&amp;');
  return {
    status: 403,
    headers: { 'content-type': 'text/xml' },
    body: `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${safe}</Message></Error><RequestId>r-1</RequestId></ErrorResponse>`,
  };
}

async function failure(
  answer: (request: SentRequest) => FakeAnswer = () => ({ status: 500 }),
  host: EcrHost = privateHost,
): Promise<MultiarchError> {
  const http = new FakeHttp(answer);
  return failureOf(requestEcrAuthorization(host, NAME, { http }), MultiarchError);
}

describe('secrets were printed because AWS repeats them', () => {
  const everything = (error: unknown): string => inspect(error, { depth: Infinity, showHidden: true });

  it.each<[string, (request: SentRequest) => string]>([
    ['the form', ({ body = '' }) => body],
    ['the token itself', () => `the token ${IDENTITY} is not for us`],
    ['the token at the end of a long text', () => `${'x'.repeat(280)} ${IDENTITY}`],
  ])('of a web identity: %s', async (_what, repeat) => {
    await withIdentity();
    for (const code of ['InvalidIdentityToken', 'AccessDenied', 'ExpiredTokenException', 'Odd']) {
      const error = await failure((request) => stsError(code, repeat(request)));
      expect(error.message).toMatch(/REDACTED|x{200}/);
      expect(everything(error)).not.toMatch(/very(?:\+|%2B)secret|eyJhbGciOiJub25lIn0/);
    }
  });

  it('of a session: its token and the signature', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'ASIAEXAMPLE');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'a-secret');
    vi.stubEnv('AWS_SESSION_TOKEN', 'a-session-token');
    let signature = '';
    const error = await failure(({ headers }) => {
      signature = /Signature=(\w+)/.exec(headers['authorization'] ?? '')?.[1] ?? '';
      return { status: 400, body: { __type: 'InvalidSignatureException', message: JSON.stringify(headers) } };
    });
    expect(signature).toHaveLength(64);
    expect(everything(error)).not.toContain('a-session-token');
    expect(everything(error)).not.toContain(signature);
  });

  it("of a profile's program: its command line and what it printed", async () => {
    const config = '[profile work]\ncredential_process = sh -c "echo hunter2 >&2; exit 3" --token sesame\n';
    vi.stubEnv('AWS_CONFIG_FILE', await put('config', config));
    vi.stubEnv('AWS_PROFILE', 'work');
    const error = await failure();
    expect(error).toMatchObject({
      kind: 'unauthorized',
      message: `no AWS credentials to log in to ${NAME}: Could not load credentials from any providers`,
    });
    expect(everything(error)).not.toMatch(/hunter2|sesame/);
  });
});

it.each<[string, FakeAnswer, RegExp]>([
  [
    'the permission to assume the role, from STS',
    stsError('AccessDenied', 'Not authorized to perform sts:AssumeRoleWithWebIdentity'),
    /^The role's trust policy must allow sts:AssumeRoleWithWebIdentity/,
  ],
  [
    'another permission',
    stsError('AccessDenied', 'User: ann is not authorized to perform: kms:Decrypt on resource: x'),
    /IAM permission kms:Decrypt,/,
  ],
  ['an unnamed permission', stsError('AccessDenied', 'no'), /IAM permission ecr:GetAuthorizationToken,/],
])('names the missing permission: %s', async (_what, response, hint) => {
  await withIdentity();
  const error = await failure(() => response);
  expect(error.kind).toBe('unauthorized');
  expect(error.hint).toMatch(hint);
});

it('names both permissions for the public registry if AWS names one of them', async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIAEXAMPLE');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'a-secret');
  const message = 'User: ann is not authorized to perform: sts:GetServiceBearerToken on resource: *';
  const denied = { status: 400, body: { __type: 'AccessDeniedException', message } };
  const { hint } = await failure(() => denied, { kind: 'public' });
  expect(hint).toContain('ecr-public:GetAuthorizationToken and sts:GetServiceBearerToken,');
});

describe('invalid credentials are not a network error', () => {
  it.each(['InvalidIdentityToken', 'IDPRejectedClaim'])('%s', async (code) => {
    await withIdentity();
    const error = await failure(() => stsError(code, 'No provider found in your account'));
    expect(error.kind).toBe('unauthorized');
    expect(error.message).toContain('No provider found in your account');
    expect(error.hint).toContain('AWS_WEB_IDENTITY_TOKEN_FILE');
  });

  it('a missing file with a web identity', async () => {
    await withIdentity();
    vi.stubEnv('AWS_WEB_IDENTITY_TOKEN_FILE', join(home, 'none'));
    const error = await failure();
    expect(error.kind).toBe('unauthorized');
    expect(error.message).toContain(`cannot read ${join(home, 'none')} (ENOENT)`);
    expect(error.hint).toContain('AWS_WEB_IDENTITY_TOKEN_FILE');
  });

  it('the same, configured in a profile', async () => {
    const config = `[profile work]\nweb_identity_token_file=${join(home, 'none')}\nrole_arn=arn:aws:iam::1:role/x\n`;
    vi.stubEnv('AWS_CONFIG_FILE', await put('config', config));
    vi.stubEnv('AWS_PROFILE', 'work');
    expect((await failure()).hint).toMatch(/^web_identity_token_file of the profile names/);
  });
});

describe('without AWS credentials', () => {
  it('lists the variables that are set', async () => {
    vi.stubEnv('AWS_CONFIG_FILE', undefined);
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', undefined);
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
    expect((await failure()).hint).toContain(
      'Set: AWS_EC2_METADATA_DISABLED. To see why, run: aws sts get-caller-identity. Log in to AWS',
    );
  });

  it('does not print the values of variables', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIAEXAMPLE');
    const error = await failure();
    expect(error.hint).toContain('Set: AWS_ACCESS_KEY_ID, AWS_CONFIG_FILE');
    expect(inspect(error)).not.toContain('AKIAEXAMPLE');
  });

  it('names the variable of a profile that does not exist', async () => {
    vi.stubEnv('AWS_PROFILE', 'missing');
    expect((await failure()).hint).toContain('Set: AWS_PROFILE');
  });

  it.each([
    ['no JSON', 'echo sesame'],
    ['no keys', `echo '{"Version":1,"Token":"sesame"}'`],
    [
      'expired keys',
      `echo '{"Version":1,"AccessKeyId":"A","SecretAccessKey":"sesame","Expiration":"2020-01-01T00:00:00Z"}'`,
    ],
  ])("prints nothing of a profile's program: %s", async (_what, script) => {
    const program = await put('keys.sh', `${script}\n`);
    vi.stubEnv(
      'AWS_CONFIG_FILE',
      await put('config', `[profile work]\ncredential_process = sh ${program}\n`),
    );
    vi.stubEnv('AWS_PROFILE', 'work');
    const error = await failure();
    expect(error.hint).toContain('Set: AWS_PROFILE, AWS_CONFIG_FILE');
    expect(inspect(error, { depth: Infinity, showHidden: true })).not.toContain('sesame');
  });
});

it('does not write to the environment or to the console, even with two sources of credentials', async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIAEXAMPLE');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'a-secret');
  vi.stubEnv('AWS_PROFILE', 'work');
  const warn = vi.spyOn(console, 'warn');
  const before = { ...process.env };
  await failure();
  expect(warn).not.toHaveBeenCalled();
  expect({ ...process.env }).toEqual(before);
});
