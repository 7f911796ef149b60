import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { beforeEach, describe, expect, it } from 'vitest';

import { credentialChain } from '../../../src/auth/credentials/credential-chain.js';
import { helperFor, parseCredentialFile } from '../../../src/auth/credentials/credential-file.js';
import type { RegistryCredential, CredentialProvider } from '../../../src/auth/credentials/credential.js';
import type { CredentialFileProvider } from '../../../src/auth/credentials/credential-file-provider.js';
import { dockerConfig } from '../../../src/auth/credentials/file-providers.js';
import { FailedError } from '../../../src/oci/errors.js';
import type { RegistryHost, RepositoryPath } from '../../../src/oci/reference.js';
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
    await writeFile(join(home, 'file'), '');
    expect(await ask(open({ DOCKER_CONFIG: join(home, 'file') }), 'r.example')).toBeUndefined();
    await mkdir(join(home, '.docker', 'config.json'));
    expect(await ask(open(), 'r.example')).toBeUndefined();
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
