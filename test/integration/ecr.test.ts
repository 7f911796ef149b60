import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { BorrowedNames } from '../support/borrowed-names.js';
import { EcrApi, withAws, withoutAws } from '../support/ecr-api.js';
import { EcrRegistry, PRIVATE_HOST, PUBLIC_HOST, type EcrRegistryOptions } from '../support/ecr-registry.js';
import { amd64, arm64 } from '../support/images.js';
import { describeIntegration } from '../support/integration.js';
import type { LoggedRequest } from '../support/fake-server.js';
import { multiarch, type RunOptions, type RunResult } from '../support/run.js';
import { logIn, makeSandbox, type Sandbox } from '../support/sandbox.js';

const PRIVATE_API = 'api.ecr.eu-west-1.amazonaws.com';
const PUBLIC_API = 'api.ecr-public.us-east-1.amazonaws.com';

/** Amazon as one machine sees it: both registries and their APIs, under their own names, over TLS and through a proxy. */
class Amazon {
  readonly api: EcrApi;
  readonly private: EcrRegistry;
  readonly public: EcrRegistry;
  readonly names: BorrowedNames;

  private constructor(api: EcrApi, registries: readonly [EcrRegistry, EcrRegistry], names: BorrowedNames) {
    this.api = api;
    [this.private, this.public] = registries;
    this.names = names;
  }

  static async start(options: Partial<EcrRegistryOptions> = {}): Promise<Amazon> {
    const api = await EcrApi.start();
    const registries = await Promise.all([
      EcrRegistry.start({ api, repositories: ['team/app', 'team/build'], ...options }),
      EcrRegistry.start({ api, repositories: ['alias/app', 'alias/build'], kind: 'public' }),
    ]);
    const names = await BorrowedNames.start({
      [PRIVATE_HOST]: registries[0].port,
      [PUBLIC_HOST]: registries[1].port,
      [registries[0].layerHost]: registries[0].layerPort,
      [registries[1].layerHost]: registries[1].layerPort,
      [PRIVATE_API]: api.port,
      [PUBLIC_API]: api.port,
    });
    return new Amazon(api, registries, names);
  }

  async stop(): Promise<void> {
    await this.names.stop();
    await Promise.all([this.private.close(), this.public.close(), this.api.close()]);
  }
}

describeIntegration('Amazon ECR', ['openssl'], () => {
  let amazon: Amazon;
  let sandbox: Sandbox;
  let calls = 0;

  async function start(options: Partial<EcrRegistryOptions> = {}): Promise<void> {
    amazon = await Amazon.start(options);
    amazon.private.content.put('team/build', amd64, 'amd64');
    amazon.private.content.put('team/build', arm64, 'arm64');
    amazon.public.content.put('alias/build', amd64, 'amd64');
    amazon.public.content.put('alias/build', arm64, 'arm64');
  }

  beforeEach(async () => {
    sandbox = await makeSandbox();
  });
  afterEach(async () => {
    await amazon.stop();
    await sandbox.remove();
  });

  /** With AWS credentials in the environment, unless something else is said. */
  function command(
    args: readonly string[],
    { env = withAws, ...options }: RunOptions = {},
  ): Promise<RunResult> {
    return multiarch(sandbox, args, { ...options, env: { ...amazon.names.env, ...env } });
  }

  function publish(host: string, from: string, to: string, options: RunOptions = {}): Promise<RunResult> {
    const sources = ['amd64', 'arm64'].map((tag) => `${host}/${from}:${tag}`);
    // No draft of an earlier call is in the way.
    const store = join(sandbox.directory, `drafts-${(calls += 1)}`);
    const words = ['create', `${host}/${to}`, ...sources, '--push', '--retries', '1', '--store', store];
    return command(words, options);
  }

  const publishPrivate = (options?: RunOptions): Promise<RunResult> =>
    publish(PRIVATE_HOST, 'team/build', 'team/app:1', options);

  it('lets in by AWS credentials in the environment, and by nothing else', async () => {
    await start();
    expect(await publishPrivate()).toMatchObject({ code: 0, stderr: expect.any(String) as string });

    const { content } = amazon.private;
    const written = JSON.parse(content.manifest('team/app', '1')?.bytes.toString() ?? '') as object;
    expect(written).toMatchObject({
      mediaType: 'application/vnd.oci.image.index.v1+json',
      manifests: [{ digest: amd64.manifest.digest }, { digest: arm64.manifest.digest }],
    });
    for (const { layers } of [amd64, arm64]) {
      for (const { digest } of layers) expect(content.hasBlob('team/app', digest)).toBe(true);
    }
    expect(amazon.api.calls).toEqual(['AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken']);
    expect(amazon.names.connectedHosts).toEqual(
      [PRIVATE_HOST, PRIVATE_API, amazon.private.layerHost].toSorted(),
    );
  });

  it('is told apart by the link that answers, without the password', async () => {
    await start();
    const { stdout, stderr } = await command(['login', '--show', PRIVATE_HOST]);
    expect(stdout).toBe(
      `${PRIVATE_HOST}: AWS (password) from Amazon ECR, through the AWS SDK: AWS credentials of the environment\n`,
    );
    expect(stdout + stderr).not.toContain(amazon.api.password);
  });

  it('writes no secret when it is asked to write down everything', async () => {
    await start();
    const copied = [`${PRIVATE_HOST}/team/build:amd64`, `${PRIVATE_HOST}/team/app:1`];
    const { code, stdout, stderr } = await command(['--debug', 'copy', ...copied]);
    expect(code).toBe(0);
    expect(stderr).toMatch(/AWS credentials of the environment/);
    expect(stderr).toContain(`https://${PRIVATE_API}/`);
    const printed = stdout + stderr;
    const basic = Buffer.from(`AWS:${amazon.api.password}`).toString('base64');
    for (const secret of [
      amazon.api.password,
      'password-1',
      basic,
      withAws.AWS_SECRET_ACCESS_KEY,
      'Signature=secret',
    ]) {
      expect(printed).not.toContain(secret);
    }
  });

  it('takes a login that is configured, and does not ask AWS then', async () => {
    await start();
    await command(['login', '--show', PRIVATE_HOST]);
    const { password } = amazon.api;
    amazon.api.calls.length = 0;
    await logIn(sandbox, PRIVATE_HOST, { username: 'AWS', password });
    expect(await publishPrivate({ env: withoutAws })).toMatchObject({ code: 0 });
    expect(amazon.api.calls).toEqual([]);
  });

  it("takes what 'aws ecr get-login-password' prints, and keeps it", async () => {
    await start();
    await command(['login', '--show', PRIVATE_HOST]);
    const stdin = `${amazon.api.password}\n`;
    const words = ['login', '--username', 'AWS', '--password-stdin', PRIVATE_HOST];
    const kept = await command(words, { env: withoutAws, stdin });
    expect(kept).toMatchObject({ code: 0, stdout: 'Login Succeeded\n' });
    expect(await publishPrivate({ env: withoutAws })).toMatchObject({ code: 0 });
    amazon.private.expire();
    const late = await publishPrivate({ env: withoutAws });
    expect(late.code).toBe(4);
    expect(late.stderr).toContain(
      `aws ecr get-login-password --region eu-west-1 | multiarch login --username AWS --password-stdin ${PRIVATE_HOST}`,
    );
  });

  it('does not keep a password that is wrong, and says so', async () => {
    await start();
    const words = ['login', '--username', 'AWS', '--password-stdin'];
    for (const host of [PRIVATE_HOST, PUBLIC_HOST]) {
      const result = await command([...words, host], { env: withoutAws, stdin: 'a mistake' });
      expect(result.code).toBe(4);
      expect(result.stderr).toMatch(/rejected[^]*Your Authorization Token is invalid/);
      expect(result.stderr).not.toContain('a mistake');
    }
    const shown = await command(['login', '--show', PUBLIC_HOST], { env: withoutAws });
    expect(shown.stdout).toBe(`${PUBLIC_HOST}: anonymous\n`);
  });

  it('goes on with another login where the first runs out in the middle of a push', async () => {
    await start();
    let uploads = 0;
    amazon.private.onRequest(({ method, path }) => {
      if (method === 'PUT' && path.includes('/blobs/uploads/') && ++uploads === 2) amazon.private.expire();
    });
    expect(await publishPrivate()).toMatchObject({ code: 0 });
    expect(amazon.api.calls).toHaveLength(2);
    expect(amazon.private.content.manifest('team/app', '1')).toBeDefined();
  });

  it('does not send its authorization on to the address of a layer (Only one auth mechanism allowed)', async () => {
    await start();
    expect(await publishPrivate()).toMatchObject({ code: 0 });
    const layers = amazon.private.requests.filter(({ path }) => path.includes('X-Amz-Signature'));
    expect(layers.length).toBeGreaterThan(0);
    expect(layers.map(({ status }) => status)).toEqual(layers.map(() => 200));
    const carried = layers
      .flatMap(({ headers }) => Object.keys(headers))
      .filter((name) => /auth|cookie/.test(name));
    expect(carried).toEqual([]);
  });

  it('copies what it would mount, unless the account has mounting switched on', async () => {
    const uploads = (): readonly LoggedRequest[] =>
      amazon.private.requests.filter(
        ({ method, path }) => method === 'PUT' && path.includes('/blobs/uploads/'),
      );
    await start();
    expect(await publishPrivate()).toMatchObject({ code: 0 });
    expect(uploads().length).toBeGreaterThan(0);
    await amazon.stop();
    await start({ mounting: true });
    expect(await publishPrivate()).toMatchObject({ code: 0 });
    expect(uploads()).toEqual([]);
  });

  describe('explains', () => {
    it.each<[what: string, prepare: () => unknown, env: Record<string, string>, code: number, says: RegExp]>([
      [
        'that there are no AWS credentials, and which sources were tried',
        () => {},
        withoutAws,
        4,
        /no AWS credentials to log in to 123456789012\.dkr[^]*AWS_ACCESS_KEY_ID[^]*profile[^]*SSO/,
      ],
      [
        'which permission is missing to upload',
        () => amazon.private.deny('InitiateLayerUpload'),
        withAws,
        4,
        /IAM permission ecr:InitiateLayerUpload on team\/app/,
      ],
      [
        'which permission is missing to publish',
        () => amazon.private.deny('PutImage'),
        withAws,
        4,
        /IAM permission ecr:PutImage on team\/app/,
      ],
      [
        'which permission is missing to log in',
        () => {
          const message = 'User: ann is not authorized to perform: ecr:GetAuthorizationToken on resource: *';
          amazon.api.rejection = { status: 400, type: 'AccessDeniedException', message };
        },
        withAws,
        4,
        /needs the IAM permission ecr:GetAuthorizationToken/,
      ],
      [
        'that it is too much',
        () => amazon.private.throttle(1000),
        withAws,
        6,
        /TOOMANYREQUESTS: Rate exceeded[^]*--concurrency/,
      ],
    ])('%s', async (_what, prepare, env, code, says) => {
      await start();
      prepare();
      const result = await publishPrivate({ env });
      expect(result.stderr).toMatch(says);
      expect(result.code).toBe(code);
      expect(result.stderr).not.toMatch(/password-\d|wJalrXUtnFEMI|warning: no AWS/i);
    });

    it('which command makes the repository that is missing', async () => {
      await start();
      const result = await publish(PRIVATE_HOST, 'team/build', 'team/new:1');
      expect(result.stderr).toContain(
        'aws ecr create-repository --repository-name team/new --region eu-west-1',
      );
      expect(result.code).toBe(3);
    });

    it('which images are missing', async () => {
      await start();
      amazon.private.lose(arm64.manifest.digest);
      const result = await publishPrivate();
      expect(result.stderr).toContain(`missing from ${PRIVATE_HOST}/team/app: ${arm64.manifest.digest} (`);
      expect(result.code).toBe(5);
    });
  });

  describe('with immutable tags', () => {
    beforeEach(() => start({ immutableTags: true }));

    it('takes the digest that is there for success', async () => {
      expect(await publishPrivate()).toMatchObject({ code: 0 });
      expect(await publishPrivate()).toMatchObject({ code: 0 });
    });

    it('explains that another digest needs another tag', async () => {
      expect(await publishPrivate()).toMatchObject({ code: 0 });
      const { digest } = amazon.private.content.manifest('team/app', '1') ?? {};
      const words = ['create', `${PRIVATE_HOST}/team/app:1`, `${PRIVATE_HOST}/team/build:amd64`, '--push'];
      const result = await command(words);
      expect(result.stderr).toMatch(/immutable[^]*another tag/);
      expect(result.code).toBe(7);
      expect(amazon.private.content.manifest('team/app', '1')?.digest).toBe(digest);
    });
  });

  describe('public', () => {
    beforeEach(() => start());

    const publishPublic = (options?: RunOptions): Promise<RunResult> =>
      publish(PUBLIC_HOST, 'alias/build', 'alias/app:1', options);

    it('lets in by a token for the login that AWS gives', async () => {
      expect(await publishPublic()).toMatchObject({ code: 0 });
      expect(amazon.api.calls).toEqual(['SpencerFrontendService.GetAuthorizationToken']);
      expect(amazon.public.content.manifest('alias/app', '1')).toBeDefined();
      const basic = amazon.public.requests.filter(({ headers }) =>
        headers.authorization?.startsWith('Basic '),
      );
      expect(new Set(basic.map(({ path }) => path.replace(/\?.*/, '')))).toEqual(new Set(['/token/']));
    });

    it('goes on with another token where the first runs out, which it says by 400 without a challenge', async () => {
      let asked = 0;
      amazon.public.onRequest(({ method, path }) => {
        if (method === 'POST' && path.includes('/blobs/uploads/') && ++asked === 2) amazon.public.expire();
      });
      expect(await publishPublic()).toMatchObject({ code: 0 });
      expect(amazon.public.lines().filter((line) => line.endsWith(' 400'))).not.toEqual([]);
    });

    it('is read by who has no AWS credentials, and explains that they are needed to write', async () => {
      const image = `${PUBLIC_HOST}/alias/build:amd64`;
      expect(await command(['inspect', image], { env: withoutAws })).toMatchObject({ code: 0 });
      const result = await publishPublic({ env: withoutAws });
      expect(result.code).toBe(4);
      expect(result.stderr).toMatch(/public\.ecr\.aws responded with 403[^]*Log in to AWS/);
    });

    it('explains that a login that is kept and has run out is in the way of reading', async () => {
      await command(['login', '--show', PUBLIC_HOST]);
      await logIn(sandbox, PUBLIC_HOST, { username: 'AWS', password: amazon.api.password });
      amazon.public.expire();
      const image = `${PUBLIC_HOST}/alias/build:amd64`;
      const late = await command(['inspect', image]);
      expect(late.code).toBe(4);
      expect(late.stderr).toMatch(
        /has expired[^]*or go on without a login: multiarch logout public\.ecr\.aws/,
      );
      expect(await command(['logout', PUBLIC_HOST], { env: withoutAws })).toMatchObject({ code: 0 });
      expect(await command(['inspect', image], { env: withoutAws })).toMatchObject({ code: 0 });
    });

    it('names the command that makes a repository, with the name that it has there', async () => {
      const result = await publish(PUBLIC_HOST, 'alias/build', 'alias/new:1');
      expect(result.stderr).toContain(
        'aws ecr-public create-repository --repository-name new --region us-east-1',
      );
    });
  });
});
