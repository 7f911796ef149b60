import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { GLOBAL_OPTIONS } from '../../../src/cli/global-options.js';
import { variableOf } from '../../../src/cli/settings/option-settings.js';
import { amd64, arm64 } from '../../support/images.js';
import { makeCommandLine, startCommandLine, type CommandLine } from '../../support/in-process.js';
import { startRegistry } from '../../support/open-repository.js';

const COMMAND_NAMES = { require: 'linux/amd64', wait: '5m', attestations: 'drop' };

interface Shown {
  readonly name: string;
  readonly value?: unknown;
  readonly origin: string;
  readonly variable?: string;
  readonly line?: number;
}

/** Writes the configuration file of a command line. Returns its path. */
async function configure({ directory }: Pick<CommandLine, 'directory'>, text: string): Promise<string> {
  const path = join(directory, 'config', 'multiarch', 'config.yaml');
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
  return path;
}

/** What `multiarch config` shows of an option. */
async function shown(
  { run }: CommandLine,
  name: string,
  argv: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<Shown | undefined> {
  const { code, stdout, stderr } = await run(['config', '--json', ...argv], { env });
  expect(code, stderr).toBe(0);
  const { options } = JSON.parse(stdout) as { readonly options: readonly Shown[] };
  return options.find((each) => each.name === name);
}

describe('the value of an option', () => {
  it('comes from the flag, the variable, the file or the default, in this order', async () => {
    const line = await makeCommandLine();
    const env = { MULTIARCH_CONCURRENCY: '3' };
    expect(await shown(line, 'concurrency')).toEqual({ name: 'concurrency', value: 8, origin: 'default' });
    await configure(line, '# mine\nconcurrency: 2\n');
    expect(await shown(line, 'concurrency')).toEqual({
      name: 'concurrency',
      value: 2,
      origin: 'file',
      line: 2,
    });
    const byVariable = {
      name: 'concurrency',
      value: 3,
      origin: 'environment',
      variable: 'MULTIARCH_CONCURRENCY',
    };
    expect(await shown(line, 'concurrency', [], env)).toEqual(byVariable);
    expect(await shown(line, 'concurrency', ['--concurrency=4'], env)).toEqual({
      name: 'concurrency',
      value: 4,
      origin: 'flag',
    });
    // An empty variable counts as unset.
    expect(await shown(line, 'concurrency', [], { MULTIARCH_CONCURRENCY: '' })).toMatchObject({
      origin: 'file',
    });
  });

  it.each([
    { flags: ['--tls-verify'], env: { MULTIARCH_INSECURE: 'true' }, name: 'insecure' },
    { flags: ['--insecure'], env: { MULTIARCH_TLS_VERIFY: 'true' }, name: 'tls-verify' },
    { flags: ['--cert=c', '--key=k'], env: { MULTIARCH_CERT: 'd', MULTIARCH_KEY: 'l' }, name: 'x' },
  ])('of a flag replaces what contradicts it: $flags', async ({ flags, env, name }) => {
    expect((await shown(await makeCommandLine(), name, flags, env))?.value).toBeUndefined();
  });

  it('of the file may be relative to it, and applies', async () => {
    const line = await makeCommandLine();
    const path = await configure(line, 'store: drafts\ntimeout: 90\nlimit: [requests=5]\nretry-for: 1m\n');
    const env = { MULTIARCH_STORE: '' };
    expect((await shown(line, 'store', [], env))?.value).toBe(join(dirname(path), 'drafts'));
    await line.run(['create', 'app:1'], { env });
    expect((await line.run(['ls', '-q', '--store', join(dirname(path), 'drafts')])).stdout).toBe(
      'docker.io/library/app:1\n',
    );
  });

  it.each(
    Object.keys(GLOBAL_OPTIONS).filter(
      (name) => !/^(username|password-stdin|registry-token|creds|json)$/.test(name),
    ),
  )('of --%s comes from its variable', async (name) => {
    const line = await makeCommandLine();
    const option: { readonly type?: string; readonly choices?: readonly string[] } =
      GLOBAL_OPTIONS[name as keyof typeof GLOBAL_OPTIONS];
    const text =
      name === 'limit'
        ? 'requests=5,entries=6'
        : name === 'timeout' || name === 'retry-for'
          ? '5m'
          : option.type === 'boolean'
            ? 'false'
            : option.type === 'number'
              ? '7'
              : (option.choices?.at(-1) ?? '/dev/null');
    const pair: Record<string, string> =
      name === 'cert' || name === 'key' ? { MULTIARCH_CERT: 'c', MULTIARCH_KEY: 'k' } : {};
    const env = { ...pair, [variableOf(name)]: text };
    expect(await shown(line, name, [], env)).toMatchObject({
      value:
        option.type === 'boolean'
          ? false
          : option.type === 'number'
            ? 7
            : name === 'limit'
              ? text.split(',')
              : text,
      origin: 'environment',
      variable: variableOf(name),
    });
  });

  it.each(Object.entries(COMMAND_NAMES))(
    'of --%s, an option of single commands, comes from its variable',
    async (name, text) => {
      const line = await makeCommandLine();
      expect(await shown(line, name, [], { [variableOf(name)]: text })).toMatchObject({
        value: text,
        origin: 'environment',
      });
    },
  );

  it('of an option of single commands applies to these', async () => {
    const line = await startCommandLine({ images: { amd64, arm64 } });
    const { app, run } = line;
    const env = { MULTIARCH_REQUIRE: 'linux/amd64,linux/arm64' };
    await run(['create', `${app}:1`, `${app}:amd64`]);
    expect(await run(['push', `${app}:1`], { env })).toMatchObject({ code: 5, stdout: '' });
    expect((await run(['ls', '-q'], { env })).code).toBe(0);
    expect((await run(['push', `${app}:1`, '--require', 'linux/amd64'], { env })).code).toBe(0);
  });

  it.each(['USERNAME', 'PASSWORD_STDIN', 'REGISTRY_TOKEN', 'CREDS', 'JSON', 'CONCURENCY'])(
    'is not taken from MULTIARCH_%s, which config warns of',
    async (name) => {
      const { run } = await makeCommandLine();
      const env = { [`MULTIARCH_${name}`]: 'true' };
      expect(await run(['ls'], { env })).toMatchObject({ code: 0, stdout: '', stderr: '' });
      const { stderr } = await run(['config'], { env });
      if (name === 'CONCURENCY') expect(stderr).toBe('warning: MULTIARCH_CONCURENCY is not read\n');
      else expect(stderr).toBe(`warning: MULTIARCH_${name} is not read: it is a flag only\n`);
    },
  );
});

describe('the mirror of a registry', () => {
  it('is read, and each of its tags is reported with its digest', async () => {
    const line = await startCommandLine({ images: { 1: amd64 } });
    const mirror = await startRegistry();
    mirror.put('hub/app', arm64, '1');
    await configure(line, `registries: {"${line.host}": {mirror: ${mirror.host}/hub}}`);
    const { digest } = arm64.manifest;
    const read = `Read ${line.app}:1 from the mirror ${mirror.host}: ${digest}\n`;
    expect(await line.run(['digest', `${line.app}:1`])).toMatchObject({
      code: 0,
      stdout: `${digest}\n`,
      stderr: read,
    });
    const { stdout, stderr } = await line.run([
      'create',
      '--push',
      '--log-format=json',
      '--debug',
      `${line.app}:list`,
      `${line.app}:1`,
    ]);
    expect(stderr).toContain(`"event":"mirrored","message":"${read.trim()}"`);
    expect(stderr).toContain(`http://${mirror.host}/v2/hub/app/`);
    expect(line.registry.manifest('app', stdout.trim().split('\n').at(-1) ?? '')).toBeDefined();
    expect(mirror.requests.every(({ method }) => method === 'GET' || method === 'HEAD')).toBe(true);
    expect((await line.run(['config'])).stdout).toMatch(new RegExp(`mirror +${mirror.host}/hub +line 1`));
  });
});

describe('a mistake', () => {
  it.each([
    ['CONCURRENCY', '0', 'MULTIARCH_CONCURRENCY takes a whole number of at least 1, not 0'],
    ['CONCURRENCY', 'x', 'MULTIARCH_CONCURRENCY takes a whole number, not "x"'],
    ['TIMEOUT', 'soon', 'invalid duration "soon" (MULTIARCH_TIMEOUT)'],
    ['TIMEOUT', '0', 'MULTIARCH_TIMEOUT takes a duration from 1ms to 596h, not 0'],
    ['RETRY_FOR', 'x', 'invalid duration "x" (MULTIARCH_RETRY_FOR)'],
    ['PROGRESS', 'fancy', 'MULTIARCH_PROGRESS takes one of auto, plain, none, not "fancy"'],
    ['DEBUG', 'maybe', 'MULTIARCH_DEBUG takes true or false, not "maybe"'],
    ['LIMIT', 'x=1', 'MULTIARCH_LIMIT takes NAME=VALUE, not "x=1"'],
  ])('of a variable names it: MULTIARCH_%s=%s', async (name, value, message) => {
    const { run } = await makeCommandLine();
    const { code, stdout, stderr } = await run(['ls'], { env: { [`MULTIARCH_${name}`]: value } });
    expect({ code, stdout, first: stderr.split('\n')[0] }).toEqual({
      code: 125,
      stdout: '',
      first: `error: ${message}`,
    });
  });

  it('of the file has line and column, and all are listed', async () => {
    const line = await makeCommandLine();
    const path = await configure(
      line,
      `timeout: soon
concurrency: x
json: true
limit: [x=1]
registries:
  "bad host/x": { retries: -1 }
  registry.example.com:
    retry-for: 1s
    chunk-size: much
    password: secret
    mirror: https://mirror.example.com
  other.example.com: { cert: c.pem }
`,
    );
    const { code, stdout, stderr } = await line.run(['ls']);
    expect({ code, stdout }).toEqual({ code: 5, stdout: '' });
    expect(stderr)
      .toBe(`error: ${path} is not a valid configuration: line 1, column 10: invalid duration "soon" (and 9 more)
  /timeout: line 1, column 10: invalid duration "soon" [config/value]
  /concurrency: line 2, column 14: must be a whole number [schema/type]
  /json: line 3, column 1: is not a known member [schema/additionalProperties]
  /limit: line 4, column 8: takes NAME=VALUE, not "x=1" [config/value]
  /registries/bad host~1x: line 6, column 17: invalid registry host "bad host/x" [config/value]
  /registries/bad host~1x/retries: line 6, column 28: must be 0 or more [schema/minimum]
  /registries/registry.example.com/chunk-size: line 9, column 17: takes a size, not "much" [config/value]
  /registries/registry.example.com/password: line 10, column 5: is not a known member [schema/additionalProperties]
  /registries/registry.example.com/mirror: line 11, column 13: "https://mirror.example.com" is not HOST or HOST/PATH [config/value]
  /registries/other.example.com: line 12, column 22: has "cert" without "key" [schema/dependentRequired]
`);
  });

  it.each([
    ['- a list\n', 'line 1, column 1: must be an object'],
    ['a: [\n', 'line 2, column 1: '],
    ['concurrency: 1\nconcurrency: 2\n', 'line 2, column 1: is a duplicate member, first on line 1'],
  ])('of the YAML has them too: %j', async (text, message) => {
    const line = await makeCommandLine();
    await configure(line, text);
    const { code, stderr } = await line.run(['ls']);
    expect(code).toBe(5);
    expect(stderr).toContain(message);
  });

  it.each(['', '# nothing\n', '{}\n', '\uFEFFconcurrency: 8\n'])('is not an empty file: %j', async (text) => {
    const line = await makeCommandLine();
    await configure(line, text);
    expect(await line.run(['ls'])).toMatchObject({ code: 0, stderr: '' });
  });

  it('of the file does not keep help, completion and the version from working', async () => {
    const line = await makeCommandLine();
    await configure(line, 'nonsense');
    for (const argv of [['--help'], ['ls', '--help'], ['--version'], ['__complete', 'l']]) {
      expect(await line.run(argv), argv.join(' ')).toMatchObject({ code: 0, stderr: '' });
    }
  });
});

describe.skipIf(process.getuid === undefined)('a file that others may have written', () => {
  it.each([
    {
      name: 'writable by the group',
      spoil: (path: string) => chmod(path, 0o660),
      why: 'other users can write to it',
    },
    {
      name: 'in a directory that others can write to',
      spoil: (path: string) => chmod(dirname(path), 0o777),
      why: 'other users can replace it or a directory above it',
    },
  ])('is rejected: $name', async ({ spoil, why }) => {
    const line = await makeCommandLine();
    const path = await configure(line, 'concurrency: 1\n');
    // A private directory above would protect it.
    await chmod(line.directory, 0o755);
    await spoil(path);
    const { code, stderr } = await line.run(['ls']);
    expect(code).toBe(1);
    expect(stderr).toBe(
      `error: cannot use the configuration ${path}: ${why}\nhint: Check what it says, then make it yours alone: chmod go-w ${path}\n`,
    );
  });

  it('can be a symbolic link to a file of this user', async () => {
    const line = await makeCommandLine();
    const real = join(line.directory, 'dotfile.yaml');
    await writeFile(real, 'concurrency: 5\n');
    await mkdir(join(line.directory, 'config', 'multiarch'), { recursive: true });
    await symlink(real, join(line.directory, 'config', 'multiarch', 'config.yaml'));
    expect(await shown(line, 'concurrency')).toMatchObject({ value: 5, origin: 'file' });
  });

  it('is a directory or unreadable', async () => {
    const line = await makeCommandLine();
    await mkdir(join(line.directory, 'config', 'multiarch', 'config.yaml'), { recursive: true });
    expect(await line.run(['ls'])).toMatchObject({ code: 1, stdout: '' });
  });
});

describe('multiarch config', () => {
  it('prints the path of the file', async () => {
    const line = await makeCommandLine();
    const path = join(line.directory, 'config', 'multiarch', 'config.yaml');
    expect(await line.run(['config', 'path'])).toMatchObject({ code: 0, stdout: `${path}\n` });
    expect(JSON.parse((await line.run(['config', 'path', '--json'])).stdout)).toMatchObject({
      path,
      exists: false,
    });
    expect((await line.run(['config'])).stdout).toMatch(new RegExp(`^file: ${path} \\(does not exist\\)\n`));
    expect(await line.run(['config', 'edit'])).toMatchObject({ code: 125, stdout: '' });
  });

  it('shows the settings of registries that hold', async () => {
    const line = await makeCommandLine();
    await configure(
      line,
      'registries:\n  registry.example.com:\n    retries: 9\n    insecure: true\n    cacert: ca.pem\n',
    );
    const registries = async (...argv: string[]): Promise<unknown> =>
      (JSON.parse((await line.run(['config', '--json', ...argv])).stdout) as { registries: unknown })
        .registries;
    const cacert = {
      name: 'cacert',
      value: join(line.directory, 'config', 'multiarch', 'ca.pem'),
      origin: 'file',
      line: 5,
    };
    expect(await registries()).toEqual([
      {
        host: 'registry.example.com',
        settings: [
          { name: 'retries', value: 9, origin: 'file', line: 3 },
          { name: 'insecure', value: true, origin: 'file', line: 4 },
          cacert,
        ],
      },
    ]);
    expect(await registries('--retries=1', '--tls-verify')).toEqual([
      { host: 'registry.example.com', settings: [cacert] },
    ]);
  });
});
