import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';

import { describe, expect, it, onTestFinished, vi } from 'vitest';

import { flagsOnly } from '../../src/cli/settings/settings.js';
import { JsonResult } from '../../src/cli/output/json-result.js';
import { runCommand } from '../../src/cli/run-command.js';
import { installHelper } from '../auth/helper-program.js';
import { COMMAND } from '../support/executable.js';
import { amd64 } from '../support/images.js';
import { startRegistry } from '../support/open-repository.js';
import { multiarchProcess, run, type RunOptions, type RunResult } from '../support/run.js';
import { makeSandbox } from '../support/sandbox.js';

async function start() {
  const sandbox = await makeSandbox();
  onTestFinished(() => sandbox.remove());
  const call = (args: readonly string[], options?: RunOptions): Promise<RunResult> =>
    multiarchProcess(sandbox, args, options);
  return { sandbox, call };
}

describe('the program', () => {
  it('works from create to push', async () => {
    const registry = await startRegistry();
    registry.put('build', amd64, 'amd64');
    const { call } = await start();
    const list = `${registry.host}/app:1.10`;
    await call(['create', list, `${registry.host}/build:amd64`]);
    const { code, stdout } = await call(['push', list, '--quiet', '--purge']);
    expect({ code, stdout }).toEqual({ code: 0, stdout: `${registry.manifest('app', '1.10')?.digest}\n` });
  });

  // Only root may start a process as another user.
  it.runIf(process.platform === 'linux' && process.getuid?.() === 0)(
    'works for a user ID without an account and without HOME, except for drafts',
    async () => {
      const registry = await startRegistry();
      registry.put('app', amd64, 'amd64');
      const source = `${registry.host}/app:amd64`;
      const asNobody = (...args: readonly string[]): Promise<RunResult> =>
        run('setpriv', ['--reuid=54321', '--clear-groups', ...COMMAND, ...args], {
          cwd: '/',
        });
      const pushed = await asNobody('create', `${registry.host}/app:1`, source, '--push', '--purge');
      expect(pushed).toMatchObject({ code: 0, stdout: `${registry.manifest('app', '1')?.digest}\n` });
      expect(pushed.stderr).toContain('warning: multiarch undo will not know of this push');
      for (const args of [
        ['inspect', source],
        ['validate', source],
        ['ls'],
        ['copy', source, `${source}-2`],
      ]) {
        expect(await asNobody(...args)).toMatchObject({ code: 0 });
      }
      const drafted = await asNobody('create', `${registry.host}/app:2`, source);
      expect(drafted).toMatchObject({ code: 1, stdout: '' });
      expect(drafted.stderr).toContain('hint: Set MULTIARCH_STORE');
      const login = await run(
        'setpriv',
        ['--reuid=54321', '--clear-groups', ...COMMAND, 'login', registry.host].concat(
          '--username=jane',
          '--password-stdin',
        ),
        { cwd: '/', stdin: 'secret' },
      );
      expect(login).toMatchObject({ code: 1, stdout: '' });
      expect(login.stderr).toMatch(
        /^error: no directory for logins: HOME is not set.*\nhint: Set HOME, or DOCKER_CONFIG/m,
      );
    },
  );

  it('exits with the code of the error, and prints no stack', async () => {
    const { call } = await start();
    expect(await call(['push'])).toMatchObject({ code: 125, stdout: '' });
    const { code, stdout, stderr } = await call(['push', 'app:1']);
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(stderr).toMatch(/^No such manifest: \S+\nhint: .+\n$/);
  });

  it('exits quietly when the reader closes the pipe', async () => {
    const { call } = await start();
    const annotations = Array.from(
      { length: 20 },
      (_, count) => `--annotation=k${count}=${'x'.repeat(100_000)}`,
    );
    await call(['create', 'app:1', ...annotations]);
    const { code, stderr } = await call(['inspect', 'app:1'], {
      onStart: ({ stdout }) => stdout?.once('data', () => stdout.destroy()),
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'ends soon on %s, and leaves the drafts as they were',
    async (signal) => {
      let arrived = (): void => {};
      const registry = await startRegistry({
        fault: () => {
          arrived();
          return new Promise(() => {});
        },
      });
      const { call } = await start();
      const { code, stdout, stderr } = await call(['create', 'app:1', `${registry.host}/app:amd64`], {
        onStart: (child) => {
          arrived = () => child.kill(signal);
        },
      });
      expect({ code, stdout }).toEqual({ code: 130, stdout: '' });
      expect(stderr).toMatch(/^cancelled\b.*\n$/);
      expect((await call(['ls', '-q'])).stdout).toBe('');
    },
  );

  it('ignores a duplicate signal within a second, and ends at once on a later one', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const before = new Set(process.listeners('SIGINT'));
    const added = (): NodeJS.SignalsListener[] =>
      process.listeners('SIGINT').filter((listener) => !before.has(listener));
    const running = runCommand(
      {
        positionals: {},
        options: {},
        run: async (_args, { signal }) => {
          const [interrupted] = added();
          interrupted?.('SIGINT');
          vi.advanceTimersByTime(999);
          interrupted?.('SIGINT');
          const soon = added().length;
          vi.advanceTimersByTime(1);
          return signal.aborted && soon === 1 && added().length === 0 ? 0 : 1;
        },
      },
      {
        args: { concurrency: 1, retries: 0 },
        positionals: [],
        settings: flagsOnly({}),
      },
      { stdout: new PassThrough(), stderr: new PassThrough(), stdin: new PassThrough(), env: {} },
      { program: 'multiarch', result: new JsonResult(false), onOptions: () => {} },
    );
    expect(await running).toBe(0);
    expect(added()).toEqual([]);
  });
});

describe.skipIf(process.platform !== 'linux')('the process list', () => {
  it('shows a password from standard input neither for multiarch nor for a helper', async () => {
    const password = 'topsecret';
    const registry = await startRegistry({ auth: { kind: 'basic', username: 'jane', password } });
    const { sandbox, call } = await start();
    // $key is what it was told on standard input.
    const { env } = await installHelper(
      sandbox.directory,
      'vault',
      [
        `for process in $$ $PPID; do tr '\\0' ' ' < /proc/$process/cmdline; echo; done >> '${sandbox.directory}/seen'`,
        `tr '\\0' '\\n' < /proc/$$/environ >> '${sandbox.directory}/seen'`,
        `printf '%s' "$key" >> '${sandbox.directory}/told'`,
        `[ "$1" != get ] || printf '{"Username":"jane","Secret":"${password}"}'`,
      ].join('\n'),
    );
    await writeFile(sandbox.dockerConfigFile, '{"credsStore":"vault"}');
    const options = { env: { PATH: env['PATH'] ?? '' } };
    const args = ['login', registry.host, '--username', 'jane', '--password-stdin'];
    expect(await call(args, { ...options, stdin: password })).toMatchObject({ code: 0 });
    expect(await readFile(join(sandbox.directory, 'told'), 'utf8')).toContain(password);
    expect((await call(['inspect', `${registry.host}/app:1`], options)).code).toBe(3);
    expect(registry.requests.at(-1)?.status).toBe(404);
    const seen = await readFile(join(sandbox.directory, 'seen'), 'utf8');
    expect(seen).toMatch(/docker-credential-vault store \n.*multiarch\.js login /);
    expect(seen).toMatch(/docker-credential-vault get \n.*multiarch\.js inspect /);
    expect(seen).not.toContain(password);
    expect(seen).not.toContain(Buffer.from(`jane:${password}`).toString('base64'));
  });
});
