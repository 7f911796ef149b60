import { execFileSync } from 'node:child_process';
import {
  chmod,
  lstat,
  mkdir,
  open as openFile,
  readFile,
  readdir,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import type * as fs from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { inspect } from 'node:util';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { encodeAuthField } from '../../../src/auth/credentials/credential-file.js';
import { LoginStore, withoutLogins } from '../../../src/auth/login/login-store.js';
import { FailedError } from '../../../src/oci/errors.js';
import { parseRegistryHost, type RegistryHost } from '../../../src/oci/reference.js';
import { failureOf } from '../../support/failure.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { describeVectors, vectorJson } from '../../support/vectors.js';
import { installHelper, installKeeper } from '../helper-program.js';

let home: string;
let file: string;
beforeEach(async () => {
  home = await temporaryDirectory();
  file = join(home, '.docker', 'config.json');
});

const r = 'r.example' as RegistryHost;
const jane = { username: 'jane', password: 'topsecret' };
const auth = Buffer.from('jane:topsecret').toString('base64');
const open = (env: NodeJS.ProcessEnv = {}): LoginStore =>
  new LoginStore({ env: { PATH: '/usr/bin:/bin', ...env }, homeDirectory: home, platform: 'aix' });

async function write(text: string | object): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, typeof text === 'string' ? text : JSON.stringify(text));
}
const read = (): Promise<string> => readFile(file, 'utf8');
const mode = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;

describe("a login in docker's file", () => {
  it('is written as docker does, readable by its owner only', async () => {
    expect(await open().store(r, jane)).toEqual({ location: file, plainText: true });
    expect(await read()).toBe(`{\n\t"auths": {\n\t\t"r.example": {\n\t\t\t"auth": "${auth}"\n\t\t}\n\t}\n}`);
    expect([await mode(file), await mode(dirname(file))]).toEqual([0o600, 0o700]);
    expect(await readdir(dirname(file))).toEqual(['config.json']);
  });

  it('keeps the rest of the file unchanged, and makes it private', async () => {
    const text = '{\n  "psFormat": "table {{.ID}}\\t",\n  "auths": {},\n  "HttpHeaders": {"X": "y"}\n}\n';
    await write(text);
    await chmod(file, 0o644);
    await open().store(r, jane);
    expect(await read()).toBe(
      text.replace('{},', `{\n    "r.example": {\n      "auth": "${auth}"\n    }\n  },`),
    );
    expect(await mode(file)).toBe(0o600);
    await open().erase(r);
    expect(await read()).toBe(text);
  });

  it('is never in a file that others can read, also while it is written', async () => {
    await write('{}');
    await chmod(file, 0o644);
    const handle = await openFile(file);
    const fileHandle = Object.getPrototypeOf(handle) as fs.FileHandle;
    await handle.close();
    const original = Reflect.get(fileHandle, 'writeFile');
    const modes: number[] = [];
    const watched = vi.spyOn(fileHandle, 'writeFile').mockImplementation(async function (
      this: fs.FileHandle,
      ...args
    ) {
      modes.push((await this.stat()).mode & 0o777);
      return original.apply(this, args);
    });
    try {
      await open().store(r, jane);
    } finally {
      watched.mockRestore();
    }
    expect(modes).toEqual([0o600]);
    expect(await read()).toContain(auth);
  });

  it('replaces the tokens of an earlier one, which would take precedence', async () => {
    await write({ auths: { 'r.example': { auth: 'eDp5', identitytoken: 'old', registrytoken: 'old' } } });
    await open().store(r, jane);
    expect(JSON.parse(await read())).toEqual({ auths: { 'r.example': { auth } } });
  });

  it("for Docker Hub has docker's key", async () => {
    await open().store(parseRegistryHost('docker.io'), jane);
    expect(Object.keys((JSON.parse(await read()) as { auths: object }).auths)).toEqual([
      'https://index.docker.io/v1/',
    ]);
  });

  it('is written through a symbolic link, also to a missing file', async () => {
    await mkdir(dirname(file));
    await mkdir(join(home, 'dotfiles'));
    await symlink('../dotfiles/docker.json', file);
    await open().store(r, jane);
    expect((await lstat(file)).isSymbolicLink()).toBe(true);
    expect(JSON.parse(await readFile(join(home, 'dotfiles', 'docker.json'), 'utf8'))).toEqual({
      auths: { 'r.example': { auth } },
    });
  });

  it("is in the file of REGISTRY_AUTH_FILE if that is set, not in the platform's helper", async () => {
    const own = join(home, 'own', 'auth.json');
    expect(await open({ REGISTRY_AUTH_FILE: own }).store(r, jane)).toEqual({
      location: own,
      plainText: true,
    });
    expect(JSON.parse(await readFile(own, 'utf8'))).toEqual({ auths: { 'r.example': { auth } } });
    await expect(read()).rejects.toThrow('ENOENT');
  });

  it('is not lost if many are saved at the same time', async () => {
    const hosts = Array.from({ length: 12 }, (_value, index) => `r${index}.example`);
    await Promise.all(hosts.map((host) => open().store(host as RegistryHost, jane)));
    const { auths } = JSON.parse(await read()) as { auths: object };
    expect(Object.keys(auths).toSorted()).toEqual(hosts.toSorted());
  });

  it.each(['{', '{"auths": 7}', '[]'])('is not written into a broken file: %s', async (text) => {
    await write(text);
    await expect(open().store(r, jane)).rejects.toThrow(FailedError);
    await expect(open().store(r, jane)).rejects.toThrow(file);
    expect(await read()).toBe(text);
  });

  it('that cannot be written is an error that names the file, without the password', async () => {
    await writeFile(join(home, 'file'), '');
    const error: unknown = await failureOf(open({ DOCKER_CONFIG: join(home, 'file') }).store(r, jane));
    expect(error).toMatchObject({
      message: expect.stringContaining(join(home, 'file', 'config.json')) as string,
      hint: expect.stringContaining('DOCKER_CONFIG') as string,
    });
    expect(inspect(error, { showHidden: true })).not.toMatch(new RegExp(`topsecret|${auth}`));
  });

  it('is not written if REGISTRY_AUTH_FILE names a directory', async () => {
    const store = open({ REGISTRY_AUTH_FILE: home });
    await expect(store.store(r, jane)).rejects.toThrow(
      `cannot read ${home}: REGISTRY_AUTH_FILE names a directory, not a file`,
    );
  });
});

describe('a login with a helper', () => {
  it('is in the helper, and marked in the file', async () => {
    const kept = await installKeeper(home, 'vault');
    await write('{"credHelpers": {"r.example": "vault"}}');
    expect(await open({ PATH: `${home}:/usr/bin:/bin` }).store(r, jane)).toEqual({
      location: 'docker-credential-vault',
      plainText: false,
    });
    expect(JSON.parse(await readFile(join(kept, 'r.example'), 'utf8'))).toMatchObject({
      Secret: 'topsecret',
    });
    expect(await read()).toBe('{"credHelpers": {"r.example": "vault"}, "auths": {"r.example": {}}}');
  });

  it('removes an earlier password from the file', async () => {
    await installKeeper(home, 'vault');
    await write({ auths: { 'r.example': { auth } }, credsStore: 'vault' });
    await open({ PATH: `${home}:/usr/bin:/bin` }).store(r, jane);
    expect(await read()).toBe('{"auths":{"r.example":{}},"credsStore":"vault"}');
  });

  it('removes it under all keys that match, and no other login', async () => {
    await installKeeper(home, 'vault');
    const keep = { 'r.example/team': { auth }, 'other.example': { auth } };
    const old = {
      'https://r.example/v1/': { auth },
      'http://r.example': { auth },
      'r.example/v2/': { auth },
    };
    await write({ auths: { ...old, ...keep }, credsStore: 'vault' });
    await open({ PATH: `${home}:/usr/bin:/bin` }).store(r, jane);
    expect(JSON.parse(await read())).toEqual({ auths: { ...keep, 'r.example': {} }, credsStore: 'vault' });
  });

  it('of the platform is written to the configuration, so that it is asked again', async () => {
    await installKeeper(home, 'osxkeychain');
    const store = new LoginStore({
      env: { PATH: `${home}:/usr/bin:/bin` },
      homeDirectory: home,
      platform: 'darwin',
    });
    expect((await store.store(r, jane)).location).toBe('docker-credential-osxkeychain');
    expect(JSON.parse(await read())).toEqual({ auths: { 'r.example': {} }, credsStore: 'osxkeychain' });
  });

  it('that does not save it is an error, and the password is not written to the file instead', async () => {
    const { env } = await installHelper(home, 'vault', 'exit 1');
    await write('{"credsStore":"vault"}');
    await expect(open(env).store(r, jane)).rejects.toThrow('docker-credential-vault did not save the login');
    expect(await read()).toBe('{"credsStore":"vault"}');
  });
});

describe('logging out', () => {
  it('removes the login from the helper and from the file', async () => {
    const kept = await installKeeper(home, 'vault');
    await write('{"credsStore":"vault"}');
    const store = open({ PATH: `${home}:/usr/bin:/bin` });
    await store.store(r, jane);
    expect([await store.erase(r), await store.erase(r)]).toEqual([true, false]);
    expect([await readdir(kept), await read()]).toEqual([[], '{"credsStore":"vault","auths":{}}']);
  });

  it('removes it under all keys that match, and no other login', async () => {
    const keep = { 'r.example:5000': {}, 'r.example/team': {}, 'other.example': {} };
    await write({ auths: { 'r.example': {}, 'https://r.example/v1/': {}, 'http://r.example': {}, ...keep } });
    expect(await open().erase(r)).toBe(true);
    expect(JSON.parse(await read())).toEqual({ auths: keep });
  });

  it('without a login does not write the file', async () => {
    await write('{"auths": {}}');
    expect(await open().erase(r)).toBe(false);
    expect(await read()).toBe('{"auths": {}}');
  });

  it('removes it from the file even if the helper fails', async () => {
    const { env, calls } = await installHelper(home, 'vault', 'exit 1');
    await write({ auths: { 'r.example': { auth } }, credsStore: 'vault' });
    await expect(open(env).erase(r)).rejects.toThrow('docker-credential-vault did not erase the login');
    expect(await read()).toBe('{"auths":{},"credsStore":"vault"}');
    expect(await calls()).toEqual(['get r.example', 'erase r.example']);
  });
});

describe('logging out if the helper hangs', () => {
  afterEach(() => vi.useRealTimers());

  it.skipIf(process.platform === 'win32')(
    'waits for it once, and removes the login from the file',
    async () => {
      const fifo = join(home, 'fifo');
      execFileSync('mkfifo', [fifo]);
      const { env, calls } = await installHelper(
        home,
        'vault',
        `[ "$1" = get ] && echo > '${fifo}' && exec sleep 30`,
      );
      await write({ auths: { 'r.example': { auth } }, credsStore: 'vault' });
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      const erased = failureOf(open(env).erase(r));
      await readFile(fifo);
      vi.advanceTimersByTime(60_000);
      expect(String(await erased)).toContain('timed out after 60 seconds');
      expect(await calls()).toEqual(['get r.example']);
      expect(await read()).toBe('{"auths":{},"credsStore":"vault"}');
    },
  );
});

describeVectors('login storage vectors', () => {
  const vectors = vectorJson<{
    remove: { config: { auths: object }; remove: string[]; left: string[] }[];
    save_format: { system: string; input?: string; rule?: string }[];
    auth_field_encode: {
      name: string;
      username?: string;
      password?: string;
      auth?: string;
      config?: { Username: string; Password: string };
      json?: string;
    }[];
    credential_format: { username: string; password: string; error?: string }[];
  }>('auth-configs.json');

  // For the peer, removing a missing login is an error. Here the result says so.
  it.each(vectors.remove)('removing $remove leaves $left', ({ config, remove, left }) => {
    const { auths } = JSON.parse(withoutLogins(JSON.stringify(config), remove)) as { auths: object };
    expect(Object.keys(auths)).toEqual(left);
  });

  it.each(vectors.save_format)('$system keeps unknown fields', async ({ input }) => {
    const config =
      input ?? JSON.stringify({ auths: { a: { auth: 'eDp5' } }, psFormat: 'x', credHelpers: { b: 'c' } });
    await write(config);
    await open().store(r, jane);
    await open().erase(r);
    expect(await read()).toBe(config);
  });

  it.each(vectors.auth_field_encode)(
    'encoding: $name',
    ({ username, password, auth: expected, config, json }) => {
      const login = {
        username: username ?? config?.Username ?? '',
        password: password ?? config?.Password ?? '',
      };
      // The last row has a whole entry, of which only this field is written here.
      const whole = json === undefined ? undefined : (JSON.parse(json) as { auth: string }).auth;
      expect(encodeAuthField(login)).toBe(expected ?? whole);
    },
  );

  it('rejects what would be read as another login: see login.test.ts', () => {
    expect(vectors.credential_format.map(({ username, error }) => [username, error !== undefined])).toEqual([
      ['x:y', true],
      ['x', false],
    ]);
  });
});
