import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { credentialChain } from '../../../src/auth/credentials/credential-chain.js';
import { containersFiles } from '../../../src/auth/credentials/containers-files.js';
import type { FoundCredential } from '../../../src/auth/credentials/credential.js';
import type { RegistryHost, RepositoryPath } from '../../../src/oci/reference.js';
import { describeVectors, vectorJson } from '../../support/vectors.js';
import { installHelper } from '../helper-program.js';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'multiarch-containers-'));
});
afterEach(() => rm(home, { recursive: true, force: true }));

const r = 'r.example' as RegistryHost;
const auths = (users: Readonly<Record<string, string>>): object =>
  Object.fromEntries(
    Object.entries(users).map(([key, user]) => [
      key,
      { auth: Buffer.from(`${user}:secret`).toString('base64') },
    ]),
  );

/** Writes a file below the home directory; gives its path. */
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
    // Where the session's directory is named by the user's number, a real one could be found.
    platform: 'aix',
    onWarning: (message) => warnings.push(message),
  });
  return { found: await chain.find(r, path as RepositoryPath | undefined), warnings };
}

describe("podman's files", () => {
  it('are that of the session, then those that are kept', () => {
    const paths = (env: NodeJS.ProcessEnv, platform: NodeJS.Platform): readonly string[] =>
      containersFiles({ env, homeDirectory: '/home/jane', platform, userId: 7 }).map(({ path }) => path);
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

  it('have logins for namespaces, the most specific of which counts', async () => {
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

  it('may name helpers, which are asked for registries and never for namespaces', async () => {
    const { env, calls } = await installHelper(home, 'vault', { get: {} });
    await write('run/containers/auth.json', {
      auths: auths({ 'r.example/team': 'team' }),
      credHelpers: { 'r.example': 'vault', 'r.example/team': 'other' },
    });
    const { found } = await ask({ ...env, XDG_RUNTIME_DIR: join(home, 'run') }, 'team/app');
    expect([found?.username, await calls()]).toEqual(['team', ['get r.example']]);
  });
});

describe('a damaged entry', () => {
  it.each<[string, (config: object) => Promise<NodeJS.ProcessEnv>]>([
    ['REGISTRY_AUTH_FILE', async (config) => ({ REGISTRY_AUTH_FILE: await write('own.json', config) })],
    ['DOCKER_AUTH_CONFIG', (config) => Promise.resolve({ DOCKER_AUTH_CONFIG: JSON.stringify(config) })],
  ])('in %s leaves the login of the host, with one warning for all repositories', async (_name, keep) => {
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
  });
});

describe('the order of the places', () => {
  it('is variable, docker, session, kept files; a broken one is named by line and passed over', async () => {
    const inline = { DOCKER_AUTH_CONFIG: JSON.stringify({ auths: auths({ 'r.example': 'inline' }) }) };
    const env = {
      DOCKER_CONFIG: join(home, 'docker'),
      XDG_RUNTIME_DIR: join(home, 'run'),
      XDG_CONFIG_HOME: join(home, 'conf'),
    };
    const places = ['docker/config.json', 'run/containers/auth.json', 'conf/containers/auth.json'];
    for (const place of [...places, '.config/containers/auth.json']) {
      await write(place, { auths: auths({ 'r.example': place }) });
    }
    expect((await ask({ ...env, ...inline })).found?.username).toBe('inline');
    for (const [index, place] of places.entries()) {
      expect((await ask(env)).found).toMatchObject({ username: place, origin: join(home, place) });
      await write(place, '{\n  "auths": {\n}');
      const { found, warnings } = await ask(env);
      expect(found?.username).toBe([...places.slice(1), '.config/containers/auth.json'][index]);
      expect(warnings.at(-1)).toBe(
        `${join(home, place)} is not JSON: line 3, column 2: the text ends where "," or "}" is expected`,
      );
    }
  });

  it('is REGISTRY_AUTH_FILE alone where that is set', async () => {
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
      warnings: [`REGISTRY_AUTH_FILE: there is no file ${missing}`],
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
  // Credentials that the caller brings need no file, and registries.conf is not read: see docker-config.test.ts.
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
