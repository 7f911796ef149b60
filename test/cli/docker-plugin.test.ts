import { dirname, join } from 'node:path';

import { describe, expect, it, onTestFinished } from 'vitest';

import { readPluginCall } from '../../src/cli/docker-plugin.js';
import { installPlugin } from '../../src/cli/plugin-file.js';
import { VERSION } from '../../src/version.js';
import { LAUNCHER, RUNS_ON_NODE } from '../support/executable.js';
import { makeCommandLine } from '../support/in-process.js';
import { describeIntegration } from '../support/integration.js';
import { multiarchProcess, run } from '../support/run.js';
import { makeSandbox } from '../support/sandbox.js';

const METADATA = 'docker-cli-plugin-metadata';

describe('readPluginCall', () => {
  it.each([
    ['multiarch', []],
    ['multiarch create app:1 --amend app:2', ['create', 'app:1', '--amend', 'app:2']],
    ['multiarch push --config x', ['push', '--config', 'x']],
    ['multiarch --json ls', ['--json', 'ls']],
    ['multiarch create multiarch', ['create', 'multiarch']],
    ['multiarch create -- --help', ['create', '--', '--help']],
    ['--debug multiarch ls', ['--debug', 'ls']],
    ['-D multiarch ls', ['--debug', 'ls']],
    ['--debug=false multiarch ls', ['ls']],
    ['--context multiarch multiarch ls', ['ls']],
    ['-c multiarch -H tcp://x:1 --tlsverify --log-level=debug multiarch ls', ['ls']],
    ['--help multiarch', ['--help']],
    ['help multiarch', ['--help']],
    ['help multiarch create', ['--help', 'create']],
    ['__complete multiarch create app:', ['__complete', 'create', 'app:']],
    ['__completeNoDesc multiarch --', ['__completeNoDesc', '--']],
  ])('%s', (line, argv) => {
    const env = { DOCKER_CONFIG: '/etc/docker' };
    expect(readPluginCall(line.split(' '), env)).toEqual({ argv, env });
  });

  it.each([[['--config', '/c']], [['--config=/c']]])('takes the configuration from docker: %j', (flags) => {
    expect(readPluginCall([...flags, 'multiarch', 'ls'], { HOME: '/h', DOCKER_CONFIG: '/d' })).toEqual({
      argv: ['ls'],
      env: { HOME: '/h', DOCKER_CONFIG: '/c' },
    });
  });
});

describe('called as docker-multiarch', () => {
  const program = 'docker-multiarch';

  it('prints the plugin metadata', async () => {
    const { run: call } = await makeCommandLine();
    const { code, stdout, stderr } = await call([METADATA], { program });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({
      SchemaVersion: '0.1.0',
      Vendor: 'multiarch',
      Version: VERSION,
      ShortDescription: 'Assemble, check and publish multi-arch images',
      URL: 'https://github.com/multiarch-cli/multiarch',
    });
  });

  it('skips the name of the plugin, and calls itself docker multiarch', async () => {
    const { run: call } = await makeCommandLine();
    await call(['multiarch', 'create', 'app:1'], { program });
    expect((await call(['multiarch', 'ls', '-q'], { program })).stdout).toBe('docker.io/library/app:1\n');
    expect((await call(['multiarch', 'ls', '--help'], { program })).stdout).toMatch(
      /\n\nUsage: docker multiarch ls\n/,
    );
    expect(await call(['multiarch', 'push'], { program })).toMatchObject({
      code: 125,
      stderr:
        'error: too few arguments for push\nhint: Usage: docker multiarch push LIST. See docker multiarch push --help.\n',
    });
  });
});

describe.each(['multiarch', 'multiarch.js', ''])('called as %j', (program) => {
  it.each([[[METADATA]], [['multiarch', 'ls']]])('has no command %j', async (argv) => {
    const { run: call } = await makeCommandLine();
    const { code, stdout, stderr } = await call(argv, { program });
    expect({ code, stdout }).toEqual({ code: 125, stdout: '' });
    expect(stderr).toContain(`unknown command: ${argv[0]}\n`);
  });
});

describeIntegration('docker multiarch', ['docker'], () => {
  async function start() {
    const sandbox = await makeSandbox();
    onTestFinished(() => sandbox.remove());
    await installPlugin({
      directory: join(dirname(sandbox.dockerConfigFile), 'cli-plugins'),
      platform: process.platform,
      program: { file: LAUNCHER, path: LAUNCHER, isExecutable: !RUNS_ON_NODE },
    });
    const docker = (...args: string[]) => run('docker', args, { env: sandbox.env, cwd: sandbox.directory });
    return { docker, sandbox };
  }

  it('is among the commands of docker', async () => {
    const { docker } = await start();
    const { stdout } = await docker('--help');
    expect(stdout).toMatch(/^ {2}multiarch\* +Assemble, check and publish multi-arch images$/m);
  });

  it('runs, with the exit codes of multiarch', async () => {
    const { docker } = await start();
    expect(await docker('multiarch', 'create', 'app:1.10')).toMatchObject({
      code: 0,
      stdout: 'Created manifest list docker.io/library/app:1.10\n',
      stderr: '',
    });
    expect(await docker('multiarch', 'ls', '-q')).toMatchObject({
      code: 0,
      stdout: 'docker.io/library/app:1.10\n',
    });
    expect(await docker('multiarch', 'create', 'app:1.10')).toMatchObject({ code: 7, stdout: '' });
    expect(await docker('multiarch', 'create', '--foo')).toMatchObject({ code: 125, stdout: '' });
  });

  it('completes, as docker asks for it', async () => {
    const { docker } = await start();
    const completed = async (...words: string[]): Promise<string> =>
      (await docker('__complete', 'multiarch', ...words)).stdout;
    expect(await completed('cre')).toBe(
      'create\tCreate a draft of a multi-arch image from single-platform images\n:4\n',
    );
    await docker('multiarch', 'create', 'app:1.10');
    expect(await completed('push', '--require=linux/s')).toBe('linux/s390x\n:4\n');
    expect(await completed('push', 'app:')).toBe('app:1.10\tdraft, 0 images\n:4\n');
  });

  it('has help', async () => {
    const { docker } = await start();
    const first = /\n\nUsage: docker multiarch create LIST \[SOURCE\.\.\.\] \| -f FILE\n/;
    expect((await docker('multiarch', 'create', '--help')).stdout).toMatch(first);
    expect((await docker('help', 'multiarch', 'create')).stdout).toMatch(first);
  });

  it('installs itself again without a change, removes itself, and is installed by the command', async () => {
    const { docker, sandbox } = await start();
    const again = await docker('multiarch', 'plugin', 'install', '--json');
    expect(JSON.parse(again.stdout)).toMatchObject({ outcome: 'unchanged', method: 'link' });
    expect(await docker('multiarch', 'plugin', 'remove')).toMatchObject({ code: 0, stderr: '' });
    expect((await docker('--help')).stdout).not.toContain('multiarch*');
    expect(await multiarchProcess(sandbox, ['plugin', 'install'])).toMatchObject({ code: 0, stderr: '' });
    expect(await docker('multiarch', '--version')).toMatchObject({
      code: 0,
      stdout: `multiarch ${VERSION}\n`,
    });
  });
});
