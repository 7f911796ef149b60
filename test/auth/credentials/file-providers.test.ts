import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { beforeEach, describe, expect, it } from 'vitest';

import { credentialChain } from '../../../src/auth/credentials/credential-chain.js';
import type { RegistryCredential, FoundCredential } from '../../../src/auth/credentials/credential.js';
import { containersFiles, inlineConfig } from '../../../src/auth/credentials/file-providers.js';
import { FailedError } from '../../../src/oci/errors.js';
import type { RegistryHost, RepositoryPath } from '../../../src/oci/reference.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { describeVectors, vectorJson } from '../../support/vectors.js';
import { installHelper } from '../helper-program.js';

let home: string;
beforeEach(async () => {
  home = await temporaryDirectory();
});

const r = 'r.example' as RegistryHost;
const auths = (users: Readonly<Record<string, string>>): object =>
  Object.fromEntries(
    Object.entries(users).map(([key, user]) => [
      key,
      { auth: Buffer.from(`${user}:secret`).toString('base64') },
    ]),
  );

/** Writes a file below the home directory and returns its path. */
async function write(path: string, content: object | string): Promise<string> {
  const file = join(home, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

interface Asked {
  readonly found: FoundCredential | undefined;
  readonly warnings: readonly string[];
}

async function ask(env: NodeJS.ProcessEnv, path?: string): Promise<Asked> {
  const warnings: string[] = [];
  const chain = credentialChain({
    env: { PATH: '/usr/bin:/bin', ...env },
    homeDirectory: home,
    // On Linux, a real file of the user's session could be found.
    platform: 'aix',
    onWarning: (message) => warnings.push(message),
  });
  return { found: await chain.find(r, path as RepositoryPath | undefined), warnings };
}

describe("podman's files", () => {
  it('are that of the session, then the permanent ones', () => {
    const paths = (env: NodeJS.ProcessEnv, platform: NodeJS.Platform): readonly string[] =>
      containersFiles({ env, homeDirectory: '/home/jane', platform, userId: 7 }).map(({ origin }) => origin);
    expect(paths({ XDG_RUNTIME_DIR: '/run/user/7', XDG_CONFIG_HOME: '/conf' }, 'linux')).toEqual([
      '/run/user/7/containers/auth.json',
      '/conf/containers/auth.json',
      '/home/jane/.config/containers/auth.json',
    ]);
    expect(paths({}, 'linux')).toEqual([
      '/run/containers/7/auth.json',
      '/home/jane/.config/containers/auth.json',
    ]);
    expect(paths({ XDG_CONFIG_HOME: '/home/jane/.config' }, 'darwin')).toEqual([
      '/home/jane/.config/containers/auth.json',
    ]);
  });

  it('have logins for namespaces, the most specific first', async () => {
    const users = { 'r.example': 'host', 'r.example/team': 'team', 'r.example/team/app': 'app' };
    const file = await write('run/containers/auth.json', { auths: auths(users) });
    const env = { XDG_RUNTIME_DIR: join(home, 'run') };
    const who = async (path?: string): Promise<unknown> => (await ask(env, path)).found?.username;
    expect([await who('team/app'), await who('team/other'), await who('teams'), await who()]).toEqual([
      'app',
      'team',
      'host',
      'host',
    ]);
    expect((await ask(env)).found).toMatchObject({ provider: "podman's logins", origin: file });
  });

  it('may name helpers, which are asked for registries, not namespaces', async () => {
    const { env, calls } = await installHelper(home, 'vault', { get: {} });
    await write('run/containers/auth.json', {
      auths: auths({ 'r.example/team': 'team' }),
      credHelpers: { 'r.example': 'vault', 'r.example/team': 'other' },
    });
    const { found } = await ask({ ...env, XDG_RUNTIME_DIR: join(home, 'run') }, 'team/app');
    expect([found?.username, await calls()]).toEqual(['team', ['get r.example']]);
  });
});

const findInline = async (text?: string): Promise<RegistryCredential | undefined> => {
  const env = text === undefined ? {} : { DOCKER_AUTH_CONFIG: text };
  return (await inlineConfig(env).find(r, undefined))?.reveal();
};

describe('DOCKER_AUTH_CONFIG', () => {
  it('contains logins', async () => {
    expect(await findInline('{"auths":{"https://r.example/v1/":{"auth":"dXNlcjpwYXNz"}}}')).toEqual({
      kind: 'basic',
      username: 'user',
      password: 'pass',
    });
  });

  it.each([undefined, '', ' ', '{}', '{"auths":{}}', '{"auths":{"other.example":{"auth":"dXNlcjpwYXNz"}}}'])(
    '%j has no login for this registry',
    async (text) => {
      expect(await findInline(text)).toBeUndefined();
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
  ])('%j is an error that names the variable, as for docker', async (text) => {
    await expect(findInline(text)).rejects.toThrow(FailedError);
    await expect(findInline(text)).rejects.toThrow(/^DOCKER_AUTH_CONFIG(?!.*topsecret)/);
  });
});

describe('an invalid entry', () => {
  it.each<[string, (config: object) => Promise<NodeJS.ProcessEnv>]>([
    ['REGISTRY_AUTH_FILE', async (config) => ({ REGISTRY_AUTH_FILE: await write('own.json', config) })],
    ['DOCKER_AUTH_CONFIG', (config) => Promise.resolve({ DOCKER_AUTH_CONFIG: JSON.stringify(config) })],
  ])(
    'in %s is skipped for the login of the host, with one warning for all repositories',
    async (_name, keep) => {
      const env = await keep({
        auths: { ...auths({ 'r.example': 'host' }), 'r.example/team': { auth: '!!' } },
      });
      const warnings: string[] = [];
      const chain = credentialChain({
        env,
        homeDirectory: home,
        platform: 'aix',
        onWarning: (message) => warnings.push(message),
      });
      for (const path of ['team/app', 'team/other', 'team/app'] as RepositoryPath[]) {
        expect((await chain.find(r, path))?.username).toBe('host');
      }
      expect(warnings).toEqual([
        expect.stringMatching(/: the login for r\.example\/team: "auth" is not the base64 of USER:PASSWORD$/),
      ]);
    },
  );
});

describe('the precedence', () => {
  it('is variable, docker, session, permanent files; a broken one is reported by line and skipped', async () => {
    const inline = { DOCKER_AUTH_CONFIG: JSON.stringify({ auths: auths({ 'r.example': 'inline' }) }) };
    const env = {
      DOCKER_CONFIG: join(home, 'docker'),
      XDG_RUNTIME_DIR: join(home, 'run'),
      XDG_CONFIG_HOME: join(home, 'conf'),
    };
    const paths = ['docker/config.json', 'run/containers/auth.json', 'conf/containers/auth.json'];
    for (const path of [...paths, '.config/containers/auth.json']) {
      await write(path, { auths: auths({ 'r.example': path }) });
    }
    expect((await ask({ ...env, ...inline })).found?.username).toBe('inline');
    for (const [index, path] of paths.entries()) {
      expect((await ask(env)).found).toMatchObject({ username: path, origin: join(home, path) });
      await write(path, '{\n  "auths": {\n}');
      const { found, warnings } = await ask(env);
      expect(found?.username).toBe([...paths.slice(1), '.config/containers/auth.json'][index]);
      expect(warnings.at(-1)).toBe(
        `${join(home, path)} is not JSON: line 3, column 2: expected "," or "}", found the end of the text`,
      );
    }
  });

  it('is REGISTRY_AUTH_FILE only if that is set', async () => {
    await write('.docker/config.json', { auths: auths({ 'r.example': 'docker' }) });
    const file = await write('own.json', { auths: auths({ 'r.example/team': 'own' }) });
    const env = {
      REGISTRY_AUTH_FILE: file,
      DOCKER_AUTH_CONFIG: JSON.stringify({ auths: auths({ 'r.example': 'inline' }) }),
    };
    expect((await ask(env, 'team/app')).found).toMatchObject({
      username: 'own',
      provider: 'REGISTRY_AUTH_FILE',
      origin: file,
    });
    expect(await ask(env, 'other')).toEqual({ found: undefined, warnings: [] });
    const missing = join(home, 'missing.json');
    expect(await ask({ ...env, REGISTRY_AUTH_FILE: missing })).toEqual({
      found: undefined,
      warnings: [`REGISTRY_AUTH_FILE: no such file: ${missing}`],
    });
    expect(await ask({ ...env, REGISTRY_AUTH_FILE: home })).toEqual({
      found: undefined,
      warnings: [
        `cannot read ${home}: REGISTRY_AUTH_FILE names a directory, not a file (Name the file in it, such as ${join(home, 'auth.json')}.)`,
      ],
    });
    expect((await ask({ REGISTRY_AUTH_FILE: '' })).found?.username).toBe('docker');
  });
});

describeVectors('look-up vectors in the files of containers', () => {
  interface Row {
    system: string;
    source: string;
    config: string | null;
    query: string;
    expected?: { username?: string; password?: string; identitytoken?: string } | null;
    also?: string;
    registries_conf?: string;
    explicit_credentials?: object;
  }
  const { lookups } = vectorJson<{ lookups: Row[] }>('auth-configs.json');
  // Explicit credentials need no file, and registries.conf is not read: see docker-config.test.ts.
  const rows = lookups.filter(
    ({ also, registries_conf: conf, explicit_credentials: explicit }) =>
      also !== undefined && conf === undefined && explicit === undefined,
  );

  it.each(rows)('$source: $query', async ({ config, query, expected }) => {
    if (config !== null) await write('run/containers/auth.json', config);
    const [host = '', ...path] = query.split('/');
    const chain = credentialChain({
      env: { XDG_RUNTIME_DIR: join(home, 'run') },
      homeDirectory: home,
      platform: process.platform,
      onWarning: () => {},
    });
    const found = await chain.find(
      host as RegistryHost,
      path.length === 0 ? undefined : (path.join('/') as RepositoryPath),
    );
    const { username, password, identitytoken } = expected ?? {};
    const login =
      identitytoken === undefined
        ? { kind: 'basic', username, password }
        : { kind: 'identity', token: identitytoken };
    expect(found?.reveal()).toEqual(expected ? login : undefined);
  });
});
