import { chmod, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { installKeeper } from '../auth/helper-program.js';
import { startRegistry, type RunningRegistry } from '../support/docker-registry.js';
import { amd64 } from '../support/images.js';
import { describeIntegration } from '../support/integration.js';
import { multiarch, mustRun, run, type RunResult } from '../support/run.js';
import { makeSandbox, type Sandbox } from '../support/sandbox.js';
import { writeLayout } from '../support/tiny-image.mjs';
import { TokenServer } from '../support/token-server.js';

const account = { username: 'ann', password: 'correct horse battery' };
const refreshToken = 'refresh-me';
const auth = Buffer.from(`${account.username}:${account.password}`).toString('base64');
const stdin = `${account.password}\n`;
const userFlags = ['--username', account.username, '--password-stdin'];

/** A registry with one account, and a home for those who push to it. */
class Stage {
  readonly registry: RunningRegistry;
  readonly sandbox: Sandbox;
  readonly layout: string;
  readonly #tokens: TokenServer | undefined;
  #pushes = 0;

  private constructor(registry: RunningRegistry, sandbox: Sandbox, tokens: TokenServer | undefined) {
    this.registry = registry;
    this.sandbox = sandbox;
    this.layout = join(sandbox.directory, 'layout');
    this.#tokens = tokens;
  }

  static async make(kind: 'htpasswd' | 'token'): Promise<Stage> {
    const grants = [{ username: account.username, repository: '*', actions: ['pull', 'push'] }];
    const tokens =
      kind === 'token'
        ? await TokenServer.start({ users: [{ ...account, refreshToken }], grants })
        : undefined;
    const registry = await startRegistry({
      auth: tokens === undefined ? { htpasswd: [account] } : { token: tokens.authority },
    });
    const stage = new Stage(registry, await makeSandbox(), tokens);
    await writeLayout(stage.layout, amd64, 'amd64');
    return stage;
  }

  get host(): string {
    return this.registry.host;
  }

  /** As if nobody had ever logged in. */
  async forget(): Promise<void> {
    const { HOME = '', XDG_RUNTIME_DIR = '', MULTIARCH_STORE = '' } = this.sandbox.env;
    for (const path of [HOME, join(XDG_RUNTIME_DIR, 'containers'), MULTIARCH_STORE, this.helpers]) {
      await rm(path, { recursive: true, force: true });
    }
    await mkdir(HOME);
  }

  get helpers(): string {
    return join(this.sandbox.directory, 'helpers');
  }

  run(args: readonly string[], env: Readonly<Record<string, string>> = {}, input = ''): Promise<RunResult> {
    return multiarch(this.sandbox, args, { env, stdin: input });
  }

  login(env: Readonly<Record<string, string>> = {}): Promise<RunResult> {
    return this.run(['login', this.host, ...userFlags], env, stdin);
  }

  /** A small image from the layout into a new repository. */
  push(flags: readonly string[], env: Readonly<Record<string, string>>, input: string): Promise<RunResult> {
    this.#pushes += 1;
    const list = `${this.host}/team/app${this.#pushes}:1`;
    const words = ['create', list, `oci:${this.layout}:amd64`, '--push', '--debug', ...flags];
    return this.run(words, env, input);
  }

  /** All that multiarch has written down of what it did. */
  async storedText(): Promise<string> {
    const entries = await readdir(this.sandbox.env['MULTIARCH_STORE'] ?? '', {
      recursive: true,
      withFileTypes: true,
    });
    const files = entries.filter((entry) => entry.isFile());
    const texts = files.map((entry) => readFile(join(entry.parentPath, entry.name), 'utf8'));
    return (await Promise.all(texts)).join('\n');
  }

  async write(path: string, content: object): Promise<string> {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, JSON.stringify(content));
    return path;
  }

  async remove(): Promise<void> {
    await Promise.all([this.registry.stop(), this.sandbox.remove(), this.#tokens?.stop()]);
  }
}

/** How an account is made known: flags, environment and input for the call, and where it is said to be from. */
interface Known {
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly place: string;
}

async function helperPath(stage: Stage, suffix: string): Promise<Record<string, string>> {
  await mkdir(stage.helpers, { recursive: true });
  await installKeeper(stage.helpers, suffix);
  return { PATH: [stage.helpers, process.env['PATH']].join(delimiter) };
}

const links: readonly { readonly name: string; readonly make: (stage: Stage) => Promise<Known> }[] = [
  {
    name: 'flags',
    make: () => Promise.resolve({ flags: userFlags, stdin, place: 'command line' }),
  },
  {
    name: 'REGISTRY_AUTH_FILE, as skopeo writes it',
    make: async (stage) => {
      const place = join(stage.sandbox.directory, 'home', 'own.json');
      const login = ['login', '--tls-verify=false', '--authfile', place, '-u', account.username];
      await mustRun('skopeo', [...login, '--password-stdin', stage.host], { stdin });
      return { env: { REGISTRY_AUTH_FILE: place }, place };
    },
  },
  {
    name: 'DOCKER_AUTH_CONFIG',
    make: (stage) =>
      Promise.resolve({
        env: { DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { [stage.host]: { auth } } }) },
        place: 'DOCKER_AUTH_CONFIG',
      }),
  },
  {
    name: "docker's file, as multiarch login writes it",
    make: async (stage) => {
      expect(await stage.login()).toMatchObject({ code: 0 });
      return { place: stage.sandbox.dockerConfigFile };
    },
  },
  {
    name: "the helper that docker's file names, which multiarch login has given it to",
    make: async (stage) => {
      const env = await helperPath(stage, 'vault');
      await stage.write(stage.sandbox.dockerConfigFile, { credHelpers: { [stage.host]: 'vault' } });
      expect(await stage.login(env)).toMatchObject({ code: 0, stderr: '' });
      return { env, place: `docker-credential-vault (named in ${stage.sandbox.dockerConfigFile})` };
    },
  },
  {
    name: "podman's file of the session, as skopeo writes it",
    make: async (stage) => {
      const login = ['login', '--tls-verify=false', '-u', account.username, '--password-stdin', stage.host];
      // With DOCKER_CONFIG it would write there.
      const { DOCKER_CONFIG: _unset, ...env } = stage.sandbox.env;
      await mustRun('skopeo', login, { stdin, env });
      return { place: join(stage.sandbox.env['XDG_RUNTIME_DIR'] ?? '', 'containers', 'auth.json') };
    },
  },
  {
    name: "podman's kept file, for a namespace",
    make: async (stage) => {
      const place = join(stage.sandbox.env['XDG_CONFIG_HOME'] ?? '', 'containers', 'auth.json');
      const wrong = Buffer.from('ann:wrong').toString('base64');
      await stage.write(place, {
        auths: { [stage.host]: { auth: wrong }, [`${stage.host}/team`]: { auth } },
      });
      return { place };
    },
  },
];

describeIntegration('logins', ['docker-registry', 'htpasswd', 'openssl', 'skopeo', 'docker'], () => {
  describe.each(['htpasswd', 'token'] as const)('at a registry with %s', (kind) => {
    let stage: Stage;
    beforeAll(async () => {
      stage = await Stage.make(kind);
    });
    beforeEach(() => stage.forget());
    afterAll(() => stage.remove());

    it.each(links)('are found and push: $name', async ({ make }) => {
      const { flags = [], env = {}, stdin: input = '', place } = await make(stage);
      const { code, stderr } = await stage.push(flags, env, input);
      expect({ code, stderr }).toMatchObject({
        code: 0,
        stderr: expect.stringContaining('< 201 PUT') as string,
      });
      expect(stderr).toContain(`= ${stage.host}: ann from ${place}\n`);
      if (flags.length === 0) {
        const { stdout } = await stage.run(['login', '--show', `${stage.host}/team/app`], env);
        expect(stdout).toContain(`: ann (password) from `);
        expect(stdout).toContain(`: ${place}\n`);
      }
      // Not in what is printed, and not in the draft.
      const secret = new RegExp(`${account.password}|${auth}`);
      expect(stderr).not.toMatch(secret);
      const drafts = await stage.storedText();
      expect(drafts).toContain('team/app');
      expect(drafts).not.toMatch(secret);
    });

    it('that are wrong do not push, and the registry says so', async () => {
      const { code, stderr } = await stage.push(userFlags, {}, 'wrong horse');
      expect(code).toBe(4);
      expect(stderr).toContain(`multiarch login ${stage.host}`);
      expect(stderr).not.toContain('wrong horse');
    });

    it('that are wrong are not kept', async () => {
      const { code, stdout } = await stage.run(['login', stage.host, ...userFlags], {}, 'wrong horse');
      expect([code, stdout]).toEqual([4, '']);
      expect((await stage.run(['login', '--show', stage.host])).stdout).toBe(`${stage.host}: anonymous\n`);
    });

    it('are understood by docker and skopeo, and end where either ends them', async () => {
      await stage.login();
      const shown = await run('skopeo', ['login', '--get-login', stage.host], { env: stage.sandbox.env });
      expect(shown).toMatchObject({ code: 0, stdout: 'ann\n' });
      await mustRun('docker', ['logout', stage.host], { env: stage.sandbox.env });
      expect((await stage.run(['login', '--show', stage.host])).stdout).toBe(`${stage.host}: anonymous\n`);
      expect((await stage.run(['logout', stage.host])).stdout).toBe(`Not logged in to ${stage.host}\n`);
    });
  });

  describe('of two processes at the same time', () => {
    let stage: Stage;
    beforeAll(async () => {
      stage = await Stage.make('htpasswd');
    });
    beforeEach(() => stage.forget());
    afterAll(() => stage.remove());

    it('both stay, and so does what else is in the file', async () => {
      const before = '{\n    "psFormat": "table {{.ID}}",\n    "auths": {},\n    "plugins": {"x": {}}\n}\n';
      await mkdir(dirname(stage.sandbox.dockerConfigFile), { recursive: true });
      await writeFile(stage.sandbox.dockerConfigFile, before);
      await chmod(stage.sandbox.dockerConfigFile, 0o600);
      // One registry by two names, which are two logins.
      const hosts = [stage.host, stage.host.replace('127.0.0.1', 'localhost')];
      const logins = await Promise.all(
        hosts.map((host) => stage.run(['login', host, ...userFlags], {}, stdin)),
      );
      expect(logins.map(({ code }) => code)).toEqual([0, 0]);
      const text = await readFile(stage.sandbox.dockerConfigFile, 'utf8');
      expect(Object.keys((JSON.parse(text) as { auths: object }).auths).toSorted()).toEqual(hosts.toSorted());
      await Promise.all(hosts.map((host) => stage.run(['logout', host])));
      expect(await readFile(stage.sandbox.dockerConfigFile, 'utf8')).toBe(before);
    });
  });

  describe("with the platform's own helper", () => {
    let stage: Stage;
    beforeAll(async () => {
      stage = await Stage.make('token');
    });
    beforeEach(() => stage.forget());
    afterAll(() => stage.remove());

    it.runIf(process.platform === 'linux')('are kept there where docker would, and found again', async () => {
      const env = { PATH: (await helperPath(stage, 'secretservice'))['PATH'] ?? '' };
      // With `pass` on the PATH docker prefers that.
      await helperPath(stage, 'pass');
      expect(await stage.login(env)).toMatchObject({ code: 0, stderr: '' });
      expect((await stage.push([], env, '')).code).toBe(0);
      expect(await readFile(stage.sandbox.dockerConfigFile, 'utf8')).not.toContain(auth);
    });

    it('by identity token push, as those of Azure do', async () => {
      await stage.write(stage.sandbox.dockerConfigFile, {
        auths: {
          [stage.host]: {
            auth: Buffer.from('00000000-0000-0000-0000-000000000000:').toString('base64'),
            identitytoken: refreshToken,
          },
        },
      });
      const { code, stderr } = await stage.push([], {}, '');
      expect({ code, stderr }).toMatchObject({ code: 0 });
      expect(stderr).not.toContain(refreshToken);
      expect((await stage.run(['login', '--show', stage.host])).stdout).toContain(': identity token from ');
    });
  });
});
