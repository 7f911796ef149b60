import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { beforeEach, describe, expect, it } from 'vitest';

import { credentialChain } from '../../../src/auth/credentials/credential-chain.js';
import { helperFor, parseCredentialFile } from '../../../src/auth/credentials/credential-file.js';
import type { RegistryCredential, CredentialProvider } from '../../../src/auth/credentials/credential.js';
import type { CredentialFileProvider } from '../../../src/auth/credentials/credential-file-provider.js';
import { dockerConfig } from '../../../src/auth/credentials/file-providers.js';
import { FailedError } from '../../../src/oci/errors.js';
import type { RegistryHost, RepositoryPath } from '../../../src/oci/reference.js';
import { failureOf } from '../../support/failure.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { describeVectors, vectorJson } from '../../support/vectors.js';
import { installHelper } from '../helper-program.js';

let home: string;
beforeEach(async () => {
  home = await temporaryDirectory();
  await mkdir(join(home, '.docker'));
});

const write = (config: object | string): Promise<void> =>
  writeFile(
    join(home, '.docker', 'config.json'),
    typeof config === 'string' ? config : JSON.stringify(config),
  );
const host = (text: string): RegistryHost => text as RegistryHost;
const login = (username: string): { auth: string } => ({
  auth: Buffer.from(`${username}:secret`).toString('base64'),
});
const basic = (username: string): RegistryCredential => ({ kind: 'basic', username, password: 'secret' });
const open = (env: NodeJS.ProcessEnv = {}): CredentialFileProvider =>
  dockerConfig({ env, homeDirectory: home, platform: process.platform });
const ask = async (
  link: CredentialProvider,
  registry: string,
  path?: string,
): Promise<RegistryCredential | undefined> =>
  (await link.find(host(registry), path as RepositoryPath | undefined))?.reveal();

describe("docker's configuration", () => {
  it('is in the home directory, or in DOCKER_CONFIG', async () => {
    await write({ auths: { 'r.example': login('home') } });
    const other = join(home, 'other');
    await mkdir(other);
    await writeFile(join(other, 'config.json'), JSON.stringify({ auths: { 'r.example': login('other') } }));
    expect(await ask(open(), 'r.example')).toEqual(basic('home'));
    expect(await ask(open({ DOCKER_CONFIG: '' }), 'r.example')).toEqual(basic('home'));
    expect(await ask(open({ DOCKER_CONFIG: other }), 'r.example')).toEqual(basic('other'));
  });

  it('names the file of a credential', async () => {
    await write({ auths: { 'r.example': login('jane') } });
    expect(await open().find(host('r.example'), undefined)).toMatchObject({
      provider: "docker's configuration",
      origin: join(home, '.docker', 'config.json'),
    });
  });

  it('is read on first use, once', async () => {
    const config = open();
    await write({ auths: { 'r.example': login('jane') } });
    expect(await ask(config, 'r.example')).toEqual(basic('jane'));
    await rm(join(home, '.docker'), { recursive: true });
    expect(await ask(config, 'r.example')).toEqual(basic('jane'));
  });

  it('may be missing, in a path that is not a directory, or a directory', async () => {
    expect(await ask(open(), 'r.example')).toBeUndefined();
    expect(await ask(open({ DOCKER_CONFIG: join(home, 'missing') }), 'r.example')).toBeUndefined();
    expect(await ask(open({ DOCKER_CONFIG: '/dev/null' }), 'r.example')).toBeUndefined();
    await writeFile(join(home, 'file'), '');
    const isHome = dockerConfig({ env: {}, homeDirectory: join(home, 'file'), platform: process.platform });
    expect(await ask(isHome, 'r.example')).toBeUndefined();
    await mkdir(join(home, '.docker', 'config.json'));
    expect(await ask(open(), 'r.example')).toBeUndefined();
  });

  it.each([
    ['config.json', (directory: string) => `Name the directory of the file: DOCKER_CONFIG=${directory}`],
    [
      'auth.json',
      () =>
        'Set DOCKER_CONFIG to the directory that contains config.json, or REGISTRY_AUTH_FILE to the file.',
    ],
  ])('is not the file %s that DOCKER_CONFIG names', async (name, hint) => {
    const file = join(home, name);
    await writeFile(file, JSON.stringify({ auths: { 'r.example': login('jane') } }));
    const error = await failureOf(ask(open({ DOCKER_CONFIG: file }), 'r.example'));
    expect(error).toBeInstanceOf(FailedError);
    expect(error).toMatchObject({
      message: `cannot read ${join(file, 'config.json')}: DOCKER_CONFIG names a file, not a directory`,
      hint: hint(home),
    });
  });
});

describe('the helper for a registry', () => {
  it.each<[object, string, string | undefined]>([
    [{}, 'r.example', undefined],
    [{ credsStore: 'all' }, 'r.example', 'all'],
    [{ credsStore: 'all', credHelpers: { 'r.example': 'own' } }, 'r.example', 'own'],
    [{ credsStore: 'all', credHelpers: { 'r.example': 'own' } }, 'r.example:5000', 'all'],
    [{ credsStore: 'all', credHelpers: { 'r.example': '' } }, 'r.example', undefined],
    [{ credsStore: '' }, 'r.example', undefined],
    [{ credHelpers: { 'https://index.docker.io/v1/': 'hub' } }, 'docker.io', 'hub'],
    [{ credHelpers: { 'docker.io': 'hub' } }, 'docker.io', 'hub'],
  ])('%j has for %s: %s', (config, registry, expected) => {
    expect(helperFor(parseCredentialFile(JSON.stringify(config), 'file'), host(registry))).toBe(expected);
  });

  it.each([{ credsStore: 7 }, { credHelpers: { 'r.example': {} } }])('%j is an error', (config) => {
    expect(() => helperFor(parseCredentialFile(JSON.stringify(config), 'file'), host('r.example'))).toThrow(
      'file: the credential helper for r.example is not a string',
    );
  });

  it("is asked before the file, with docker's key", async () => {
    const { env } = await installHelper(home, 'test', {
      get: { 'https://index.docker.io/v1/': { user: 'hub' } },
    });
    await write({ auths: { 'docker.io': login('file') }, credsStore: 'test' });
    expect(await ask(open(env), 'docker.io')).toEqual(basic('hub'));
  });

  it('leaves a registry without a login to the file', async () => {
    const { env } = await installHelper(home, 'test', { get: {} });
    await write({ auths: { 'r.example': login('file') }, credsStore: 'test' });
    expect(await ask(open(env), 'r.example')).toEqual(basic('file'));
  });

  it('is asked once for each registry, also by parallel look-ups for several repositories', async () => {
    const { env, calls } = await installHelper(home, 'test', { get: { 'r.example': { user: 'jane' } } });
    await write({ credsStore: 'test' });
    const config = open(env);
    const paths = ['a', 'b', 'c'] as RepositoryPath[];
    expect(await Promise.all(paths.map((path) => ask(config, 'r.example', path)))).toEqual(
      paths.map(() => basic('jane')),
    );
    expect(await calls()).toEqual(['get r.example']);
  });

  it('that is missing is an error', async () => {
    await write({ credsStore: 'missing' });
    await expect(open({ PATH: home }).find(host('r.example'), undefined)).rejects.toThrow(
      'credential helper docker-credential-missing gave no login for r.example: it is not on the PATH',
    );
  });
});

describe('a broken helper', () => {
  const failures: readonly (readonly [kind: string, script: string | undefined, reason: string])[] = [
    ['missing', undefined, 'it is not on the PATH'],
    ['not executable', 'chmod 600', 'it cannot be started (EACCES)'],
    ['failing', 'echo "no such keychain: hunter2"; exit 1', 'exit code 1'],
    ['killed', 'kill -9 $$', 'killed by a signal'],
    ['printing something else', 'echo "hunter2"', 'its output is not JSON'],
    ['printing another document', 'echo "[]"', 'its output is not a login'],
  ];
  const configs = {
    credsStore: { credsStore: 'broken' },
    credHelpers: { credHelpers: { 'r.example': 'broken' }, credsStore: 'unused' },
  };
  const reports = failures.flatMap((failure) =>
    Object.entries(configs).map((config) => [...failure, ...config] as const),
  );

  async function install(script: string | undefined): Promise<NodeJS.ProcessEnv> {
    if (script === undefined) return { PATH: home };
    const { env } = await installHelper(home, 'broken', script);
    if (script.startsWith('chmod')) await chmod(join(home, 'docker-credential-broken'), 0o600);
    return { ...env, PATH: script.startsWith('chmod') ? home : env['PATH'] };
  }

  async function find(env: NodeJS.ProcessEnv): Promise<{ user: string | undefined; warnings: string[] }> {
    const warnings: string[] = [];
    const chain = credentialChain({
      env,
      homeDirectory: home,
      platform: 'aix',
      onWarning: (message) => warnings.push(message),
    });
    const found = await chain.find(host('r.example'), undefined);
    await chain.find(host('r.example'), 'team/app' as RepositoryPath);
    return { user: found?.username, warnings };
  }

  it.each(reports)('that is %s leaves the registry to the file, with one warning', async (...row) => {
    const [, script, reason, , config] = row;
    await write({ auths: { 'r.example': login('inline') }, ...config });
    const { user, warnings } = await find(await install(script));
    const file = join(home, '.docker', 'config.json');
    expect(user).toBe('inline');
    expect(warnings).toEqual([
      expect.stringContaining(
        `credential helper docker-credential-broken gave no login for r.example: ${reason}; the login of ${file} is used instead`,
      ),
    ]);
    expect(warnings.join()).not.toContain('hunter2');
  });

  it("leaves the registry to podman's files if docker's has no entry for it", async () => {
    await write({ auths: { 'r.example': {} }, credsStore: 'broken' });
    const file = join(home, '.config', 'containers', 'auth.json');
    await mkdir(join(home, '.config', 'containers'), { recursive: true });
    await writeFile(file, JSON.stringify({ auths: { 'r.example': login('podman') } }));
    const { user, warnings } = await find({ PATH: home });
    expect([user, warnings]).toEqual([
      'podman',
      [expect.stringContaining(`; the login of ${file} is used instead (`)],
    ]);
  });

  it("of podman's file leaves the registry to that file", async () => {
    const directory = join(home, 'run', 'containers');
    await mkdir(directory, { recursive: true });
    const content = { auths: { 'r.example': login('inline') }, credHelpers: { 'r.example': 'broken' } };
    await writeFile(join(directory, 'auth.json'), JSON.stringify(content));
    const { user, warnings } = await find({ PATH: home, XDG_RUNTIME_DIR: join(home, 'run') });
    expect([user, warnings]).toEqual(['inline', [expect.stringContaining('docker-credential-broken')]]);
  });

  it.each([{ credsStore: 7 }, { credHelpers: { 'r.example': {} } }, { credsStore: '../x' }])(
    '%j leaves the registry to the file',
    async (config) => {
      await write({ auths: { 'r.example': login('inline') }, ...config });
      expect(await find({ PATH: home })).toEqual({
        user: 'inline',
        warnings: [expect.stringMatching(/is not (?:a string|the name of a credential helper)/)],
      });
    },
  );

  it('is reported with the invalid entry of the file', async () => {
    await write({ auths: { 'r.example': { auth: '?' } }, credsStore: 'broken' });
    expect(await find({ PATH: home })).toEqual({
      user: undefined,
      warnings: [expect.stringMatching(/not on the PATH; .* "auth" is not the base64 of USER:PASSWORD/)],
    });
  });

  it('without the login of the registry is not reported', async () => {
    const { env } = await installHelper(home, 'broken', { get: {} });
    await write({ auths: { 'r.example': login('inline') }, credsStore: 'broken' });
    expect(await find(env)).toEqual({ user: 'inline', warnings: [] });
  });
});

describeVectors('look-up vectors', () => {
  interface Expected {
    username?: string;
    password?: string;
    identitytoken?: string;
    registrytoken?: string;
  }
  interface Row {
    system: string;
    source: string;
    name?: string;
    config: string | null;
    query: string;
    expected?: Expected | null;
    error?: string;
    file?: string;
    env?: Record<string, string>;
    explicit_credentials?: { username: string; password: string };
    registries_conf?: string;
  }
  const { lookups, helper_selection: selection } = vectorJson<{
    lookups: Row[];
    helper_selection: { name: string; config: string; query: string; helper: string }[];
  }>('auth-configs.json');

  /** The reason that a row's file is not read. Its look-up finds nothing. */
  function outOfScope({ file, registries_conf: conf }: Row): string | undefined {
    if (conf !== undefined) return 'registries.conf belongs to containers; its helpers are not asked';
    if (file?.includes('.dockercfg') === true)
      return 'docker has not written .dockercfg since 2015, and reads it no more';
    return undefined;
  }

  function credential({
    username = '',
    password = '',
    identitytoken,
    registrytoken,
  }: Expected): RegistryCredential {
    if (registrytoken !== undefined) return { kind: 'bearer', token: registrytoken };
    if (identitytoken !== undefined) return { kind: 'identity', token: identitytoken };
    return { kind: 'basic', username, password };
  }

  it.each(lookups)('$system $source: $name, $query', async (row) => {
    if (row.file === 'config.json is a directory') await mkdir(join(home, '.docker', 'config.json'));
    else if (row.file !== undefined) await writeFile(join(home, '.dockercfg'), row.config ?? '');
    else if (row.config !== null) await write(row.config);
    const warnings: string[] = [];
    const onWarning = (message: string): void => void warnings.push(message);
    // docker looks up Docker Hub by its key, multiarch by the host of the reference: docker.io.
    const query = row.query === 'https://index.docker.io/v1/' ? 'docker.io' : row.query;
    const slash = query.startsWith('http') ? -1 : query.indexOf('/');
    const registry = host(slash === -1 ? query : query.slice(0, slash));
    const explicit = row.explicit_credentials;
    const given = explicit && {
      registry,
      credential: () => Promise.resolve<RegistryCredential>({ kind: 'basic', ...explicit }),
    };
    const chain = credentialChain({
      env: row.env ?? {},
      homeDirectory: home,
      platform: process.platform,
      explicit: given,
      onWarning,
    });
    const found = await ask(chain, registry, slash === -1 ? undefined : query.slice(slash + 1));
    const expected = outOfScope(row) === undefined ? row.expected : null;
    expect(found, outOfScope(row)).toEqual(expected ? credential(expected) : undefined);
    // An error of the peers is a warning here. So is a variable that docker ignores.
    const broken = row.error !== undefined || row.env !== undefined;
    expect(warnings).toHaveLength(broken ? 1 : 0);
  });

  it.each(selection)('$name', ({ config, query, helper }) => {
    expect(helperFor(parseCredentialFile(config, 'file'), host(query))).toBe(helper);
  });

  it('the home directory is not read with DOCKER_CONFIG, and the variable takes precedence over both', async () => {
    // podman's files are next: see file-providers.test.ts.
    const { file_precedence: rows } = vectorJson<{ file_precedence: { order_high_to_low?: string[] }[] }>(
      'auth-configs.json',
    );
    expect(rows[0]?.order_high_to_low?.slice(0, 2)).toEqual([
      '$DOCKER_CONFIG/config.json',
      '$HOME/.docker/config.json',
    ]);
    await write({ auths: { 'home.example': login('home'), 'r.example': login('home') } });
    const other = join(home, 'other');
    await mkdir(other);
    await writeFile(
      join(other, 'config.json'),
      JSON.stringify({ auths: { 'r.example': login('other'), 'env.example': login('other') } }),
    );
    const env = {
      DOCKER_CONFIG: other,
      DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { 'env.example': login('variable') } }),
    };
    const chain = credentialChain({
      env,
      homeDirectory: home,
      platform: process.platform,
      onWarning: (message) => {
        throw new FailedError(message);
      },
    });
    expect(await ask(chain, 'env.example')).toEqual(basic('variable'));
    expect(await ask(chain, 'r.example')).toEqual(basic('other'));
    expect(await ask(chain, 'home.example')).toBeUndefined();
  });
});
