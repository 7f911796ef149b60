import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, it } from 'vitest';

import { ConnectProxy, type ConnectProxyOptions } from '../support/connect-proxy.js';
import { startRegistry, type RegistryOptions, type RunningRegistry } from '../support/docker-registry.js';
import { pair as images } from '../support/images.js';
import { describeIntegration } from '../support/integration.js';
import { multiarch, type RunResult } from '../support/run.js';
import { logIn, makeSandbox, type Sandbox } from '../support/sandbox.js';
import { writeLayout } from '../support/tiny-image.mjs';

/** Of the images in it. */
const digests = images.images.map(({ manifest }) => manifest.digest);
const account = { username: 'jane', password: 'secret' };
const proxyAccount = { username: 'corp\\jane', password: 'p@ss:word/100%' };
/** As it has to be written into a URL. */
const proxyLogin = 'corp%5Cjane:p%40ss%3Aword%2F100%25';

describeIntegration('multiarch behind a proxy', ['docker-registry', 'htpasswd', 'openssl'], () => {
  let sandbox: Sandbox;
  const stops: (() => Promise<void>)[] = [];
  beforeEach(async () => {
    sandbox = await makeSandbox();
    await writeLayout(join(sandbox.directory, 'layout'), images, 'all');
  });
  afterEach(async () => {
    await Promise.all(stops.splice(0).map((stop) => stop()));
    await sandbox.remove();
  });

  /** A registry by an address that is not a loopback one, so that a proxy is used for it. */
  async function startTheRegistry(options: RegistryOptions): Promise<RunningRegistry> {
    const started = await startRegistry(options);
    stops.push(started.stop);
    const registry = { ...started, host: started.host.replace('127.0.0.1', '0.0.0.0') };
    if (started.caFile !== undefined) {
      const certs = join(sandbox.directory, 'home', '.config', 'containers', 'certs.d', registry.host);
      await mkdir(certs, { recursive: true });
      await copyFile(started.caFile, join(certs, 'ca.crt'));
    }
    await logIn(sandbox, registry.host, account);
    return registry;
  }

  async function startProxy(options: ConnectProxyOptions = {}): Promise<ConnectProxy> {
    const proxy = await ConnectProxy.start(options);
    stops.push(() => proxy.stop());
    return proxy;
  }

  /** Puts the images of the layout into a registry. */
  function push(
    { host }: RunningRegistry,
    env: Readonly<Record<string, string>>,
    ...more: readonly string[]
  ): Promise<RunResult> {
    const args = ['create', `${host}/app:1`, `oci:${join(sandbox.directory, 'layout')}:all`, '--push'];
    return multiarch(sandbox, [...args, '--purge', ...more], { env });
  }

  it('pushes and reads through it, with a login for each', async () => {
    const registry = await startTheRegistry({ tls: true, auth: { htpasswd: [account] } });
    const proxy = await startProxy({ account: proxyAccount });
    const env = { HTTPS_PROXY: proxy.url.replace('//', `//${proxyLogin}@`) };

    const pushed = await push(registry, env, '--debug');
    const inspected = await multiarch(sandbox, ['inspect', '--raw', `${registry.host}/app:1`], { env });

    expect(pushed).toMatchObject({ code: 0 });
    expect(digestsIn(inspected)).toEqual(digests);
    expect(new Set(proxy.lines())).toEqual(new Set([`CONNECT ${registry.host}`]));
    // What the log shows of requests is neither login.
    expect(pushed.stderr).toContain(`> PUT https://${registry.host}/v2/app/manifests/1`);
    for (const secret of [proxyAccount.password, proxyLogin, account.password]) {
      expect(pushed.stderr).not.toContain(secret);
    }
  });

  it('has it pass on plain requests to a registry that is insecure', async () => {
    const registry = await startTheRegistry({});
    const proxy = await startProxy({ account: proxyAccount });
    const url = proxy.url.replace('//', `//${proxyLogin}@`);

    const pushed = await push(registry, { https_proxy: url, http_proxy: url }, '--insecure');

    expect(pushed).toMatchObject({ code: 0 });
    expect(proxy.lines()[0]).toBe(`CONNECT ${registry.host}`);
    expect(proxy.lines()).toContain(`PUT http://${registry.host}/v2/app/manifests/1`);
  });

  it('goes around it for the hosts in NO_PROXY', async () => {
    const registry = await startTheRegistry({ tls: true });
    const proxy = await startProxy({ status: 403 });
    const env = { HTTPS_PROXY: proxy.url, NO_PROXY: 'example.com, 0.0.0.0/8' };

    expect(await push(registry, env)).toMatchObject({ code: 0 });
    expect(proxy.requests).toEqual([]);
  });

  it.each([
    [
      'asks for a login',
      { account: proxyAccount },
      '',
      'requires authentication (HTTP 407)',
      /Set HTTPS_PROXY=/,
    ],
    [
      'refuses a login',
      { account: proxyAccount },
      'jo:s3cret@',
      'rejected the login in HTTPS_PROXY',
      /Check/,
    ],
    ['forbids the registry', { status: 403 }, 'jo:s3cret@', 'denied a connection to 0.0.0.0:', /NO_PROXY=/],
  ])('says of one that %s what to do', async (_what, options, login, words, hint) => {
    const registry = await startTheRegistry({ tls: true });
    const proxy = await startProxy(options);

    const pushed = await push(registry, { HTTPS_PROXY: proxy.url.replace('//', `//${login}`) });

    expect(pushed).toMatchObject({ code: 6, stdout: '' });
    expect(pushed.stderr).toContain(`the proxy ${proxy.url} (HTTPS_PROXY) ${words}`);
    expect(/^hint: (.*)$/m.exec(pushed.stderr)?.[1]).toMatch(hint);
    expect(pushed.stderr).not.toContain('s3cret');
    expect(registry.log()).not.toContain('/v2/');
  });

  it('says which variable is wrong, without repeating it', async () => {
    const registry = await startTheRegistry({ tls: true });
    const pushed = await push(registry, { all_proxy: 'socks5://jo:s3cret@127.0.0.1:1080' });
    expect(pushed).toMatchObject({ code: 125, stdout: '' });
    expect(pushed.stderr).toContain('all_proxy cannot be used: SOCKS proxies are not supported');
    expect(pushed.stderr).not.toContain('s3cret');
  });
});

/** Of the images in the index that a command printed. */
function digestsIn({ stdout }: RunResult): readonly string[] {
  const { manifests } = JSON.parse(stdout) as { manifests: readonly { digest: string }[] };
  return manifests.map(({ digest }) => digest);
}
