import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';

import { describe, expect, it } from 'vitest';

import type { RegistryCredential } from '../../src/auth/credentials/credential.js';
import type { Multiarch } from '../../src/client/multiarch.js';
import type { WorkEvent } from '../../src/content/events.js';
import { ArgumentError, FailedError, UnauthorizedError, UnavailableError } from '../../src/oci/errors.js';
import { installHelper, installKeeper } from '../auth/helper-program.js';
import { failureOf } from '../support/failure.js';
import type { MemoryRegistry, MemoryRegistryOptions } from '../support/memory-registry.js';
import { startRegistry } from '../support/open-repository.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { openMultiarch } from '../support/test-multiarch.js';

const jane = { username: 'jane', password: 'topsecret' };
const auth = Buffer.from('jane:topsecret').toString('base64');

interface Bench {
  readonly multiarch: Multiarch;
  readonly registry: MemoryRegistry;
  /** docker's configuration. */
  readonly file: string;
  readonly warnings: readonly string[];
}

async function bench(options: MemoryRegistryOptions = {}, env: NodeJS.ProcessEnv = {}): Promise<Bench> {
  const directory = await temporaryDirectory();
  const registry = await startRegistry({ auth: { kind: 'basic', ...jane }, ...options });
  const warnings: string[] = [];
  const multiarch = await openMultiarch({
    env: { DOCKER_CONFIG: directory, PATH: `${directory}:/usr/bin:/bin`, ...env },
    onEvent: (event: WorkEvent) => {
      if (event.kind === 'warning') warnings.push(event.message);
    },
  });
  return { multiarch, registry, file: join(directory, 'config.json'), warnings };
}

describe('logging in', () => {
  it.each(['basic', 'bearer'] as const)(
    'to a registry that asks for %s is tried there and kept',
    async (kind) => {
      const { multiarch, registry, file } = await bench({ auth: { kind, ...jane } });
      expect(await multiarch.login(registry.host, jane)).toEqual({
        registry: registry.host,
        username: 'jane',
        origin: file,
        plainText: true,
      });
      expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({ auths: { [registry.host]: { auth } } });
      const last = registry.requests.at(-1);
      expect([last?.path, last?.status]).toEqual(['/v2/', 200]);
    },
  );

  it.each(['basic', 'bearer'] as const)(
    'with a password that is wrong at a registry that asks for %s keeps nothing, and says what the registry said',
    async (kind) => {
      const { multiarch, registry, file } = await bench({ auth: { kind, ...jane } });
      const error: unknown = await failureOf(
        multiarch.login(registry.host, { ...jane, password: 'wrongsecret' }),
      );
      expect(error).toBeInstanceOf(UnauthorizedError);
      expect(String(error)).toMatch(
        kind === 'basic' ? 'authentication required' : 'incorrect username or password',
      );
      expect(inspect(error, { showHidden: true })).not.toContain('wrongsecret');
      await expect(readFile(file)).rejects.toThrow('ENOENT');
    },
  );

  it('does not show a password that the registry repeats', async () => {
    const { multiarch, registry } = await bench({
      fault: (request, next) =>
        request.headers.authorization === undefined
          ? next()
          : {
              status: 403,
              body: Buffer.from(`no entry for topsecret (${request.headers.authorization})`),
            },
    });
    await expect(multiarch.login(registry.host, jane)).rejects.toThrow(
      `${registry.host} rejected the login of jane: no entry for REDACTED (Basic REDACTED)`,
    );
  });

  // A service account's key, a token of a cloud: not all passwords are short.
  it.each<[string, string, (secret: string) => string | object]>([
    ['on several lines', '{\n  "private_key": "----\\nsecret"\n}', (secret) => `no entry for ${secret}!`],
    ['with two spaces', 'hun  ter2', (secret) => `no entry for ${secret}!`],
    ['longer than what is shown', 's'.repeat(399), (secret) => `no entry for ${secret}!`],
    [
      'as JSON',
      'hun"ter\\2',
      (secret) => ({ errors: [{ code: 'DENIED', message: `not ${secret}`, detail: secret }] }),
    ],
    ['as JSON in a text', 'hun"ter\\2', (secret) => `no entry for ${JSON.stringify(secret)}!`],
    ['as a form', 'hun ter&2', (secret) => `no entry for ${new URLSearchParams({ secret }).toString()}!`],
  ])('does not show a password that the registry repeats %s', async (_how, password, repeat) => {
    const said = repeat(password);
    const body = Buffer.from(typeof said === 'string' ? said : JSON.stringify(said));
    const { multiarch, registry } = await bench({
      fault: (request, next) =>
        request.headers.authorization === undefined ? next() : { status: 403, body },
    });
    const error: unknown = await failureOf(multiarch.login(registry.host, { ...jane, password }));
    expect(error).toBeInstanceOf(UnauthorizedError);
    const shown = `${String(error)}\n${JSON.stringify(error)}`;
    expect(shown).toContain('"exchange":');
    expect(shown).toContain('REDACTED');
    expect(shown).not.toMatch(/hun|ter\W?2|sss|----/);
  });

  it.each([
    [404, FailedError, 'does not respond as a registry'],
    [503, UnavailableError, 'could not check the login'],
  ])('fails for a response with status %i, and saves nothing', async (status, type, message) => {
    const { multiarch, registry, file } = await bench({ fault: () => ({ status }) });
    await expect(multiarch.login(registry.host, jane)).rejects.toThrow(type);
    await expect(multiarch.login(registry.host, jane)).rejects.toThrow(message);
    await expect(readFile(file)).rejects.toThrow('ENOENT');
  });

  it('to a registry that requires no login is saved with a warning', async () => {
    const { multiarch, warnings } = await bench();
    const open = await startRegistry();
    await multiarch.login(open.host, jane);
    expect(warnings).toEqual([`${open.host} requires no login, so the password was not checked`]);
  });

  it('warns that a login in DOCKER_AUTH_CONFIG takes precedence', async () => {
    const registry = await startRegistry({ auth: { kind: 'basic', ...jane } });
    const { multiarch, warnings } = await bench(
      {},
      {
        DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { [registry.host]: { auth: 'eDp5' } } }),
      },
    );
    await multiarch.login(registry.host, jane);
    expect(warnings).toEqual([
      `DOCKER_AUTH_CONFIG has a login for ${registry.host} too, which takes precedence over this one`,
    ]);
  });

  it('does not warn of the same login in DOCKER_AUTH_CONFIG', async () => {
    const registry = await startRegistry({ auth: { kind: 'basic', ...jane } });
    const inline = JSON.stringify({ auths: { [registry.host]: { auth } } });
    const { multiarch, warnings } = await bench({}, { DOCKER_AUTH_CONFIG: inline });
    await multiarch.login(registry.host, jane);
    expect(warnings).toEqual([]);
  });

  it('with REGISTRY_AUTH_FILE does not warn of DOCKER_AUTH_CONFIG, which is not read then', async () => {
    const registry = await startRegistry({ auth: { kind: 'basic', ...jane } });
    const own = join(await temporaryDirectory(), 'auth.json');
    const { multiarch, warnings } = await bench(
      {},
      {
        DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { [registry.host]: { auth: 'eDp5' } } }),
        REGISTRY_AUTH_FILE: own,
      },
    );
    expect(await multiarch.login(registry.host, jane)).toMatchObject({ origin: own });
    expect(warnings).toEqual([]);
  });

  it('warns of the logins of namespaces that take precedence, and not of others', async () => {
    const { multiarch, registry, file, warnings } = await bench();
    const runtime = await temporaryDirectory();
    const namespace = `${registry.host}/team`;
    await writeFile(file, JSON.stringify({ auths: { [namespace]: { auth: 'eDp5' } } }));
    await multiarch.login(registry.host, jane);
    expect(warnings).toEqual([
      `${file} has a login for ${namespace} too, which takes precedence over this one`,
    ]);

    const podman = await bench({}, { XDG_RUNTIME_DIR: runtime });
    await mkdir(join(runtime, 'containers'));
    await writeFile(
      join(runtime, 'containers', 'auth.json'),
      JSON.stringify({ auths: { [`${podman.registry.host}/team`]: { auth: 'eDp5' } } }),
    );
    await podman.multiarch.login(podman.registry.host, jane);
    expect(podman.warnings).toEqual([]);
  });

  it('warns of a helper that returns another login', async () => {
    const { multiarch, registry, file, warnings } = await bench();
    await installHelper(
      join(file, '..'),
      'fixed',
      '[ "$1" = store ] || echo \'{"Username":"x","Secret":"y"}\'',
    );
    await writeFile(file, '{"credsStore":"fixed"}');
    await multiarch.login(registry.host, jane);
    expect(warnings).toEqual([
      `docker-credential-fixed (named in ${file}) has a login for ${registry.host} too, which takes precedence over this one`,
    ]);
  });

  // The first row of the vectors' credential_format, and the invalid keys of their key_validation.
  it.each([
    ['r.example', { username: 'x:y', password: 'z' }, 'a user name may not contain a colon'],
    ['r.example', { username: '', password: 'z' }, 'the user name is empty'],
    ['r.example', { username: 'x', password: '' }, 'the password is empty'],
    ['host/foo:tag', jane, 'invalid registry host'],
    ['host/foo@digest', jane, 'invalid registry host'],
    ['localhost:5000/repo:tag', jane, 'invalid registry host'],
    ['r.example/team', jane, 'invalid registry host'],
    ['jane:topsecret@r.example', jane, 'invalid registry host'],
  ])('to %j as %j is rejected before any request', async (host, login, message) => {
    const { multiarch } = await bench();
    const error: unknown = await failureOf(multiarch.login(host, login));
    expect(error).toBeInstanceOf(ArgumentError);
    expect(String(error)).toContain(message);
    expect(String(error)).not.toContain('topsecret');
  });
});

describe('which login is used', () => {
  it('is returned with its file', async () => {
    const { multiarch, file } = await bench();
    await writeFile(
      file,
      JSON.stringify({ auths: { 'r.example': { auth }, 'r.example/team': { identitytoken: 'x' } } }),
    );
    expect(await multiarch.showLogin('r.example')).toEqual({
      registry: 'r.example',
      login: { kind: 'password', username: 'jane', provider: "docker's configuration", origin: file },
    });
    expect(await multiarch.showLogin('r.example/team/app:1')).toEqual({
      registry: 'r.example',
      repository: 'team/app',
      login: { kind: 'identity token', provider: "docker's configuration", origin: file },
    });
    expect(await multiarch.showLogin('https://index.docker.io/v1/')).toEqual({ registry: 'docker.io' });
  });

  it('is the explicit one of the client or of the call, if any', async () => {
    const credential = (): Promise<RegistryCredential> => Promise.resolve({ kind: 'bearer', token: 'x' });
    const given = { kind: 'registry token', provider: 'the flags of this call', origin: 'command line' };
    const multiarch = await openMultiarch({ login: { registry: 'r.example', credential } });
    expect((await multiarch.showLogin('r.example/app')).login).toEqual(given);
    expect((await multiarch.showLogin('other.example')).login).toBeUndefined();
    expect((await multiarch.showLogin('other.example', { credential })).login).toEqual(given);
  });
});

describe('logging out', () => {
  it('removes the saved login from file and helper, and reports whether one was saved', async () => {
    const { multiarch, registry, file } = await bench();
    const kept = await installKeeper(join(file, '..'), 'vault');
    await writeFile(file, '{"credsStore":"vault"}');
    await multiarch.login(registry.host, jane);
    expect(await readFile(join(kept, registry.host.replace(':', '_')), 'utf8')).toContain('topsecret');
    expect(await multiarch.logout(registry.host)).toEqual({ registry: registry.host, removed: true });
    expect(await multiarch.logout(registry.host)).toEqual({ registry: registry.host, removed: false });
    expect(await multiarch.showLogin(registry.host)).toEqual({ registry: registry.host });
  });

  it('warns of a login that other programs keep', async () => {
    const runtime = await temporaryDirectory();
    const { multiarch, warnings } = await bench(
      {},
      {
        DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { 'r.example': { auth } } }),
        XDG_RUNTIME_DIR: runtime,
      },
    );
    expect(await multiarch.logout('r.example')).toEqual({ registry: 'r.example', removed: false });
    expect(warnings).toEqual(['a login for r.example is still saved: DOCKER_AUTH_CONFIG']);
  });

  it('warns of remaining logins of namespaces, in all files', async () => {
    const runtime = await temporaryDirectory();
    const { multiarch, file, warnings } = await bench({}, { XDG_RUNTIME_DIR: runtime });
    const podman = join(runtime, 'containers', 'auth.json');
    await mkdir(join(podman, '..'));
    const auths = { 'r.example': { auth }, 'r.example/team': { auth }, 'r.example/marked': {} };
    await writeFile(file, JSON.stringify({ auths }));
    await writeFile(podman, JSON.stringify({ auths: { 'r.example/other': { auth: 'eDp5' } } }));
    expect(await multiarch.logout('r.example')).toEqual({ registry: 'r.example', removed: true });
    expect(warnings).toEqual([
      `a login for r.example/team is still saved: ${file}`,
      `a login for r.example/other is still saved: ${podman}`,
    ]);
  });

  it('names each file that has the login, and no namespace with the same login', async () => {
    const runtime = await temporaryDirectory();
    const inline = JSON.stringify({ auths: { 'r.example/team': { auth } } });
    const { multiarch, warnings } = await bench({}, { XDG_RUNTIME_DIR: runtime, DOCKER_AUTH_CONFIG: inline });
    const podman = join(runtime, 'containers', 'auth.json');
    await mkdir(join(podman, '..'));
    await writeFile(podman, JSON.stringify({ auths: { 'r.example': { auth }, 'r.example/same': { auth } } }));
    await multiarch.logout('r.example');
    expect(warnings).toEqual([
      `a login for r.example is still saved: ${podman}`,
      'a login for r.example/team is still saved: DOCKER_AUTH_CONFIG',
    ]);
  });

  it('warns of a damaged file, which may have a login', async () => {
    const { multiarch, warnings } = await bench({}, { DOCKER_AUTH_CONFIG: '{' });
    await multiarch.logout('r.example');
    expect(warnings).toEqual([expect.stringContaining('DOCKER_AUTH_CONFIG is not JSON')]);
  });
});
