import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';

import { BorrowedNames } from '../support/borrowed-names.js';
import { EcrApi, withAws, withoutAws } from '../support/ecr-api.js';
import { PRIVATE_HOST } from '../support/ecr-registry.js';
import { describeIntegration } from '../support/integration.js';
import { json, read, FakeServer, type Answer } from '../support/fake-server.js';
import { multiarch } from '../support/run.js';
import { makeSandbox, type Sandbox } from '../support/sandbox.js';

const later = new Date(Date.now() + 3600_000);
const START = 'https://example.awsapps.com/start';
const keys = { AccessKeyId: 'ASIAEXAMPLE', SecretAccessKey: 'a-secret-key', Token: 'a-session' };

/** All that gives out AWS credentials: STS and SSO by their names, the container's and the instance's own by address. */
class Vendors extends FakeServer {
  port = 0;

  static async start(): Promise<Vendors> {
    const vendors = new Vendors({});
    vendors.port = await vendors.listen((request) => vendors.#answer(request));
    return vendors;
  }

  /** Which of them were asked. */
  get asked(): readonly string[] {
    return this.requests.map(({ headers, path }) =>
      (headers.host ?? '').startsWith('127.') ? (path.split('?')[0] ?? '') : (headers.host ?? ''),
    );
  }

  async #answer(request: IncomingMessage): Promise<Answer> {
    await read(request);
    const { headers, url = '' } = request;
    const { AccessKeyId, SecretAccessKey, Token } = keys;
    if (headers.host?.startsWith('sts.') === true) {
      const body = `<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>
        <AccessKeyId>${AccessKeyId}</AccessKeyId><SecretAccessKey>${SecretAccessKey}</SecretAccessKey>
        <SessionToken>${Token}</SessionToken><Expiration>${later.toISOString()}</Expiration></Credentials>
        </AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`;
      return { status: 200, headers: { 'content-type': 'text/xml' }, body: Buffer.from(body) };
    }
    if (headers.host?.startsWith('portal.sso.') === true) {
      const credentials = { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: Token };
      return json(200, { roleCredentials: { ...credentials, expiration: later.getTime() } });
    }
    if (url.endsWith('/api/token')) return { status: 200, body: Buffer.from('a-metadata-token') };
    if (url.endsWith('/security-credentials/')) return { status: 200, body: Buffer.from('a-role') };
    return json(200, { Code: 'Success', ...keys, Expiration: later.toISOString() });
  }
}

type Prepare = (sandbox: Sandbox, vendors: Vendors) => Promise<Record<string, string>>;

/** Writes one file into the sandbox; gives its path. */
async function put(sandbox: Sandbox, name: string, text: string): Promise<string> {
  const path = join(sandbox.directory, name);
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, text);
  return path;
}

const kinds: readonly (readonly [what: string, Prepare, place: string, asked: readonly string[]])[] = [
  ['the environment', async () => withAws, 'AWS credentials of the environment', []],
  [
    'a profile',
    async (sandbox) => {
      const profile = '[work]\naws_access_key_id=AKIAEXAMPLE\naws_secret_access_key=a-secret-key\n';
      const path = await put(sandbox, 'aws-credentials', profile);
      return { ...withoutAws, AWS_SHARED_CREDENTIALS_FILE: path, AWS_PROFILE: 'work' };
    },
    'AWS credentials of a profile',
    [],
  ],
  [
    "a profile's own program",
    async (sandbox) => {
      const output = JSON.stringify({ Version: 1, ...keys, SessionToken: keys.Token });
      const program = await put(sandbox, 'keys.sh', `echo '${output}'\n`);
      const path = await put(sandbox, 'aws-config', `[profile work]\ncredential_process = sh ${program}\n`);
      return { ...withoutAws, AWS_CONFIG_FILE: path, AWS_PROFILE: 'work' };
    },
    'AWS credentials of the program that a profile names',
    [],
  ],
  [
    'SSO',
    async (sandbox) => {
      const file = createHash('sha1').update(START).digest('hex');
      const token = { accessToken: 'an-sso-token', expiresAt: later.toISOString() };
      await put(sandbox, `home/.aws/sso/cache/${file}.json`, JSON.stringify(token));
      const path = await put(
        sandbox,
        'aws-config',
        `[profile work]\nsso_start_url=${START}\nsso_region=eu-west-1\nsso_account_id=123456789012\nsso_role_name=Push\n`,
      );
      return { ...withoutAws, AWS_CONFIG_FILE: path, AWS_PROFILE: 'work' };
    },
    'AWS credentials of a profile with SSO',
    ['portal.sso.eu-west-1.amazonaws.com'],
  ],
  [
    'web identity',
    async (sandbox) => ({
      ...withoutAws,
      AWS_WEB_IDENTITY_TOKEN_FILE: await put(sandbox, 'identity', 'an-identity-token'),
      AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/push',
    }),
    'AWS credentials of web identity',
    ['sts.eu-west-1.amazonaws.com'],
  ],
  [
    'the container',
    async (_sandbox, { port }) => ({
      ...withoutAws,
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://127.0.0.1:${port}/container`,
    }),
    'AWS credentials of the container',
    ['/container'],
  ],
  [
    'the instance',
    async (_sandbox, { port }) => ({
      ...withoutAws,
      AWS_EC2_METADATA_DISABLED: 'false',
      AWS_EC2_METADATA_SERVICE_ENDPOINT: `http://127.0.0.1:${port}`,
    }),
    'AWS credentials',
    [
      '/latest/api/token',
      '/latest/meta-data/iam/security-credentials/',
      '/latest/meta-data/iam/security-credentials/a-role',
    ],
  ],
];

describeIntegration('AWS credentials', ['openssl'], () => {
  let api: EcrApi;
  let vendors: Vendors;
  let names: BorrowedNames;
  let sandbox: Sandbox;

  beforeAll(async () => {
    [api, vendors] = await Promise.all([EcrApi.start(), Vendors.start()]);
    names = await BorrowedNames.start({
      'api.ecr.eu-west-1.amazonaws.com': api.port,
      'sts.eu-west-1.amazonaws.com': vendors.port,
      'portal.sso.eu-west-1.amazonaws.com': vendors.port,
    });
  });
  afterAll(async () => {
    await names.stop();
    await Promise.all([api.close(), vendors.close()]);
  });
  beforeEach(async () => {
    sandbox = await makeSandbox();
    vendors.clearLog();
  });
  afterEach(() => sandbox.remove());

  it.each(kinds)('are taken from %s', async (_what, prepare, place, asked) => {
    const env = { ...names.env, ...(await prepare(sandbox, vendors)) };
    const { code, stdout, stderr } = await multiarch(sandbox, ['--debug', 'login', '--show', PRIVATE_HOST], {
      env,
    });
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: `${PRIVATE_HOST}: AWS (password) from Amazon ECR, through the AWS SDK: ${place}\n`,
    });
    expect(vendors.asked).toEqual(asked);
    expect(stderr).not.toContain('NodeVersionSupportWarning');
    for (const secret of ['a-secret-key', 'a-session', 'an-sso-token', 'an-identity-token', api.password]) {
      expect(stderr).not.toContain(secret);
    }
  });

  it('are shown to the address that AWS_ENDPOINT_URL_ECR names, in place of that of the region', async () => {
    const before = names.proxy.requests.length;
    const env = { ...names.env, ...api.env };
    const { code } = await multiarch(sandbox, ['login', '--show', PRIVATE_HOST], { env });
    expect(code).toBe(0);
    expect(names.proxy.requests.length).toBe(before);
    expect(api.requests.at(-1)?.headers.host).toBe(`127.0.0.1:${api.port}`);
  });
});
