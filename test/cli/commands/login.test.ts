import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';

import { describe, expect, it } from 'vitest';

import { installHelper } from '../../auth/helper-program.js';
import { amd64 as image } from '../../support/images.js';
import { makeCommandLine, OK } from '../../support/in-process.js';
import type { MemoryRegistry } from '../../support/memory-registry.js';
import { startRegistry } from '../../support/open-repository.js';

const account = { kind: 'basic', username: 'jane', password: 'topsecret' } as const;

/** A terminal at which these keys are typed or pasted in raw mode. `modes` records the changes of its mode. */
function keyboard(...typed: readonly string[]): PassThrough & { readonly modes: readonly boolean[] } {
  const modes: boolean[] = [];
  const stream = new PassThrough();
  const setRawMode = (on: boolean): void => {
    modes.push(on);
    if (on) for (const keys of typed) stream.write(keys);
  };
  return Object.assign(stream, { isTTY: true, modes, setRawMode });
}

/** All files below a directory, one after the other. */
async function readTree(directory: string): Promise<string> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const texts = await Promise.all(files.map((file) => readFile(join(file.parentPath, file.name), 'utf8')));
  return texts.join('\n');
}

describe('multiarch login', () => {
  it('reads the password from standard input without the line feed, and prints where it is stored', async () => {
    const { host } = await startRegistry({ auth: account });
    const { run, directory } = await makeCommandLine();
    const result = await run(['login', host, '-u', 'jane', '--password-stdin'], { stdin: 'topsecret\r\n' });
    expect(result).toMatchObject({ code: 0, stdout: 'Login Succeeded\n' });
    const file = join(directory, 'docker', 'config.json');
    expect(result.stderr).toBe(
      `WARNING! Your credentials are stored unencrypted in '${file}'.
Configure a credential helper to remove this warning. See
https://docs.docker.com/go/credential-store/
`,
    );
    const shown = await run(['login', '--show', `${host}/team/app`]);
    expect(shown.stdout).toBe(`${host}/team/app: jane (password) from docker's configuration: ${file}\n`);
    expect(await run(['logout', host])).toMatchObject({
      code: 0,
      stdout: `Removing login credentials for ${host}\n`,
    });
    expect((await run(['logout', host])).stdout).toBe(`Not logged in to ${host}\n`);
    expect((await run(['login', '--show', host])).stdout).toBe(`${host}: anonymous\n`);
  });

  it('prints JSON, and nothing else with --quiet', async () => {
    const { host } = await startRegistry({ auth: account });
    const { run, directory } = await makeCommandLine();
    const args = ['login', host, '--username=jane', '--password-stdin', '--json', '-q'];
    const { stdout, stderr } = await run(args, { stdin: 'topsecret' });
    const origin = join(directory, 'docker', 'config.json');
    expect(JSON.parse(stdout)).toEqual({ ...OK, registry: host, username: 'jane', origin, plainText: true });
    expect(stderr).toBe('');
    const login = { kind: 'password', username: 'jane', provider: "docker's configuration", origin };
    expect(JSON.parse((await run(['login', '--show', host, '--json'])).stdout)).toEqual({
      ...OK,
      registry: host,
      login,
    });
    expect(JSON.parse((await run(['logout', host, '--json'])).stdout)).toEqual({
      ...OK,
      registry: host,
      removed: true,
    });
  });

  it('exits with 4 if the registry denies access, and prints no secret', async () => {
    const { host } = await startRegistry({ auth: account });
    const { run, directory } = await makeCommandLine();
    const args = ['login', host, '-u', 'jane', '--password-stdin', '--debug'];
    const { code, stdout, stderr } = await run(args, { stdin: 'wrongsecret' });
    expect([code, stdout]).toEqual([4, '']);
    expect(stderr).toContain(`${host} rejected the login of jane: UNAUTHORIZED: authentication required`);
    expect(stderr).not.toContain('wrongsecret');
    expect(stderr).not.toContain(Buffer.from('jane:wrongsecret').toString('base64'));
    expect(await readdir(directory)).toEqual([]);
  });

  it.each([
    [['login', 'r.example', '-u', 'jane', '--password-stdin', 'hunter2']],
    [['login', 'r.example', 'hunter2']],
    [['login', 'r.example', '-u', 'jane', '-p', '-hunter2']],
    [['login', 'r.example', '--password-stdin=hunter2']],
    [['push', 'app:1', '--username', 'jane', '--password-stdin', 'hunter2']],
    [['push', 'app:1', '--registry-token', 'x', 'hunter2']],
    [['--password-stdin', 'hunter2', 'login']],
  ])('does not repeat a misplaced password: %j', async (argv) => {
    const { run } = await makeCommandLine();
    const { code, stdout, stderr } = await run(argv);
    expect([code, stdout]).toEqual([125, '']);
    expect(stderr).not.toContain('hunter2');
  });

  it('reports the number of arguments, not their text', async () => {
    const { run } = await makeCommandLine();
    const { stderr } = await run(['login', 'r.example', '-u', 'jane', '--password-stdin', 'hunter2']);
    expect(stderr).toMatch(/^error: too many arguments for login: 2 instead of 1\nhint: Usage: /);
  });

  it('shows the login of flags', async () => {
    const { run } = await makeCommandLine();
    const show = ['login', '--show', 'r.example/app'];
    expect((await run([...show, '--registry-token', 'topsecret'])).stdout).toBe(
      'r.example/app: registry token from the flags of this call: command line\n',
    );
    const args = [...show, '--username', 'jane', '--password-stdin'];
    expect((await run(args, { stdin: 'topsecret\n' })).stdout).toBe(
      'r.example/app: jane (password) from the flags of this call: command line\n',
    );
  });

  it('removes control characters from the output of helpers, also in the --debug log', async () => {
    const { host } = await startRegistry({ auth: account });
    const { run, directory } = await makeCommandLine();
    const name = String.raw`ja\u001b[31mne\n= evil.example: anonymous\u202e`;
    const { env } = await installHelper(
      directory,
      'vault',
      `printf '%s' '{"Username":"${name}","Secret":"topsecret"}'`,
    );
    const config = join(directory, 'config.json');
    await writeFile(config, JSON.stringify({ credHelpers: { [host]: 'vault' } }));
    const options = { env: { PATH: env['PATH'] ?? '', DOCKER_CONFIG: directory } };
    const safe = 'ja [31mne = evil.example: anonymous';
    const shown = await run(['login', '--show', host], options);
    expect(shown.stdout).toMatch(/^[^\p{Cc}\p{Cf}]+\n$/u);
    expect(shown.stdout).toContain(`: ${safe} (password) from `);
    const { stderr } = await run(['inspect', `${host}/app:1`, '--debug'], options);
    expect(stderr).toContain(`= ${host}: ${safe} from docker-credential-vault`);
    expect(stderr).not.toMatch(/^= evil/m);
  });

  it('warns about a password in the process list', async () => {
    const { host } = await startRegistry({ auth: account });
    const { run } = await makeCommandLine();
    const { code, stderr } = await run(['login', host, '-u', 'jane', '-p', 'topsecret']);
    expect(code).toBe(0);
    expect(stderr).toContain('WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n');
    expect(stderr).not.toContain('topsecret');
  });

  it.each<[readonly string[], string, string]>([
    [['-u', 'jane'], '', 'no password given, and standard input is not a terminal'],
    [[], '', 'no user name given, and standard input is not a terminal'],
    [['--password-stdin'], 'x', '--password-stdin needs --username'],
    [['-u', 'jane', '--password-stdin'], '\n', 'no password on standard input'],
    [
      ['-u', 'jane', '-p', 'x', '--password-stdin'],
      'x',
      '--password and --password-stdin exclude each other',
    ],
    [
      ['-u', 'jane', '--password-stdin', '--registry-token', 'T'],
      'x',
      'login cannot save a --registry-token',
    ],
    [['--show', '-u', 'jane'], '', '--username needs --password-stdin'],
    [['--show', '-p', 'x'], '', '--show and --password exclude each other'],
  ])('%j with %j is a usage error', async (argv, stdin, message) => {
    const { run } = await makeCommandLine();
    const { code, stderr } = await run(['login', 'r.example', ...argv], { stdin });
    expect(code).toBe(125);
    expect(stderr).toContain(message);
  });
});

describe('multiarch login on a terminal', () => {
  it.each<[string, readonly string[], string]>([
    ['typed', [...Array.from('jane\r'), ...Array.from('topsecret\r')], 'jane'],
    ['pasted in one piece', ['jane\ntopsecret\n'], 'jane'],
    ['pasted in pieces that end anywhere', ['ja', 'ne\nto', 'psecret', '\n'], 'jane'],
    ['pasted with marks', ['\u001b[200~jane\u001b[201~', '\r', '\u001b[200~topsecret\u001b[201~\r'], 'jane'],
    [
      'typed with mistakes that are taken back',
      [
        ...Array.from('xjan'),
        '\u0015',
        ...Array.from('janx'),
        '\u007f',
        'e',
        '\r',
        ...Array.from('xx'),
        '\u0015',
        ...Array.from('topsecrex'),
        '\u007f',
        't',
        '\r',
      ],
      `xjan${'\b \b'.repeat(4)}janx\b \be`,
    ],
    [
      'typed with arrows, function keys and Escape',
      [
        'j',
        '\u001b[D',
        'ane',
        '\u001bOP',
        '\r',
        'top',
        '\u001b[1;5C',
        'secret',
        '\u001b[3~',
        '\u001b',
        '\u009b',
        '\r',
      ],
      'jane',
    ],
  ])('asks for missing values, and hides the password: %s', async (_how, keys, echoed) => {
    const { host } = await startRegistry({ auth: account });
    const { run, directory } = await makeCommandLine();
    const stdin = keyboard(...keys);
    const { code, stdout, stderr } = await run(['login', host], { stdin });
    expect([code, stdout]).toEqual([0, 'Login Succeeded\n']);
    expect(stderr.slice(0, stderr.indexOf('WARNING!'))).toBe(`Username: ${echoed}\nPassword: \n`);
    expect(stderr).not.toContain('secre');
    expect(stdin.modes).toEqual([true, false]);
    expect(await readFile(join(directory, 'docker', 'config.json'), 'utf8')).toContain(
      Buffer.from('jane:topsecret').toString('base64'),
    );
  });

  it.each([
    ['Ctrl-C', 'top\u0003'],
    ['Ctrl-D', '\u0004'],
  ])('is cancelled by %s, and restores the terminal', async (_name, keys) => {
    const { run } = await makeCommandLine();
    const stdin = keyboard(keys);
    const { code, stderr } = await run(['login', 'r.example', '-u', 'jane'], { stdin });
    expect([code, stderr]).toEqual([130, 'Password: \ncancelled: nothing was entered\n']);
    expect(stdin.modes).toEqual([true, false]);
  });

  it('is cancelled by its time limit, and restores the terminal', async () => {
    const { run } = await makeCommandLine();
    const stdin = keyboard('');
    const { code } = await run(['login', 'r.example', '-u', 'jane', '--timeout', '20ms'], { stdin });
    expect([code, stdin.modes]).toEqual([6, [true, false]]);
  });
});

describe('a login that is kept', () => {
  const logIn = (host: string): readonly string[] => ['login', host, '-u', 'jane', '--password-stdin'];

  it('is verified by login without flags, and nothing is saved', async () => {
    const { host } = await startRegistry({ auth: account });
    const { run, directory } = await makeCommandLine();
    await run(logIn(host), { stdin: 'topsecret' });
    const file = join(directory, 'docker', 'config.json');
    const saved = await readFile(file, 'utf8');
    for (const argv of [
      ['login', host],
      ['login', `https://${host}/team/app`],
      ['login', `${host}/v2/`],
    ]) {
      expect(await run(argv)).toEqual({
        code: 0,
        stdout: 'Login Succeeded\n',
        bytes: expect.anything() as unknown,
        stderr: 'Authenticating with existing credentials... [Username: jane]\n',
      });
    }
    const { stdout } = await run(['login', host, '--json']);
    expect(JSON.parse(stdout)).toEqual({ ...OK, registry: host, username: 'jane', origin: file });
    expect(await readFile(file, 'utf8')).toBe(saved);
  });

  it('that is rejected exits with 4, and asks for another on a terminal', async () => {
    const { host } = await startRegistry({ auth: account });
    const { run, directory } = await makeCommandLine();
    const auth = Buffer.from('jane:oldsecret').toString('base64');
    await writeFile(join(directory, 'config.json'), JSON.stringify({ auths: { [host]: { auth } } }));
    const env = { DOCKER_CONFIG: directory };
    const rejected = await run(['login', host], { env });
    expect([rejected.code, rejected.stdout]).toEqual([4, '']);
    expect(rejected.stderr).toContain(`${host} rejected the login of jane`);
    const stdin = keyboard('jane\r', 'topsecret\r');
    const asked = await run(['login', host], { env, stdin });
    expect([asked.code, asked.stdout]).toEqual([0, 'Login Succeeded\n']);
    expect(asked.stderr).toContain('Stored credentials invalid or expired\nUsername: ');
  });

  it('does not exist: a usage error without a terminal', async () => {
    const { run } = await makeCommandLine();
    const { code, stderr } = await run(['login', 'r.example']);
    expect(code).toBe(125);
    expect(stderr).toContain('no user name given, and standard input is not a terminal');
  });

  it('is for Docker Hub without a host', async () => {
    const { run, directory } = await makeCommandLine();
    const auth = Buffer.from('jane:topsecret').toString('base64');
    const auths = { 'https://index.docker.io/v1/': { auth } };
    await writeFile(join(directory, 'config.json'), JSON.stringify({ auths }));
    const env = { DOCKER_CONFIG: directory };
    expect((await run(['login', '--show'], { env })).stdout).toMatch(/^docker\.io: jane \(password\) from /);
    expect(await run(['logout'], { env })).toMatchObject({
      code: 0,
      stdout: 'Removing login credentials for docker.io\n',
    });
    expect((await run(['login', '--show'], { env })).stdout).toBe('docker.io: anonymous\n');
  });

  it.each([
    ['r.example/team/app', 'r.example'],
    ['https://r.example/team', 'r.example'],
    ['http://localhost:5000/', 'localhost:5000'],
    ['r.example/', 'r.example'],
  ])('is deleted by logout %s', async (name, host) => {
    const { run } = await makeCommandLine();
    expect((await run(['logout', name])).stdout).toBe(`Not logged in to ${host}\n`);
  });

  it.each(['team/app', 'user:hunter2@r.example/app', ''])('is not one of %j', async (name) => {
    const { run } = await makeCommandLine();
    for (const command of ['login', 'logout']) {
      const { code, stderr } = await run([
        command,
        name,
        ...(command === 'login' ? ['-u', 'j', '-p', 'x'] : []),
      ]);
      expect([code, stderr]).toEqual([125, expect.stringContaining('error: invalid registry host ')]);
      expect(stderr).not.toContain('hunter2');
    }
  });
});

describe('the logins of two registries', () => {
  const basic = `Basic ${Buffer.from('jane:topsecret').toString('base64')}`;
  const sent = ({ requests }: MemoryRegistry): unknown =>
    [...new Set(requests.map(({ headers }) => headers.authorization))].toSorted();

  it.each([
    ['source', ['--from-username', 'jane', '--from-password-stdin', '--registry-token', 'othersecret']],
    ['target', ['--username', 'jane', '--password-stdin', '--from-registry-token', 'othersecret']],
  ])('are each sent to its own registry, if it asks: the %s', async (side, flags) => {
    const from = await startRegistry(side === 'source' ? { auth: account } : {});
    const to = await startRegistry(side === 'target' ? { auth: account } : {});
    from.put('app', image, '1');
    const { run } = await makeCommandLine();
    const [source, target] = [`${from.host}/app:1`, `${to.host}/app:1`];
    for (const argv of [
      ['copy', source, target],
      ['create', '--push', `${to.host}/list:1`, source],
      ['diff', source, target],
    ]) {
      const { code, stderr } = await run([...argv, ...flags], { stdin: 'topsecret' });
      expect([code, stderr]).toEqual([0, expect.stringContaining('-token is visible')]);
      expect(stderr).not.toContain('secret');
    }
    expect([sent(from), sent(to)]).toEqual(
      side === 'source' ? [[basic, undefined], [undefined]] : [[undefined], [basic, undefined]],
    );
  });
});

describe('the login of one command', () => {
  it('is used for the named registry, and is not saved', async () => {
    const registry = await startRegistry({ auth: account });
    const { run, directory } = await makeCommandLine();
    const args = ['inspect', `${registry.host}/app:1`, '--username', 'jane', '--password-stdin', '--debug'];
    const { code, stderr } = await run(args, { stdin: 'topsecret\n' });
    expect(code).toBe(3);
    expect(registry.requests.map(({ status }) => status)).toEqual([401, 404]);
    expect(stderr).toContain(`= ${registry.host}: jane from command line\n`);
    expect(stderr).not.toContain('topsecret');
    expect(await readdir(directory)).toEqual([]);
  });

  it('may be a token, with a warning', async () => {
    const registry = await startRegistry({ auth: { ...account, kind: 'bearer' } });
    const { run } = await makeCommandLine();
    const { stderr } = await run(['inspect', `${registry.host}/app:1`, '--registry-token', 'topsecret']);
    expect(registry.requests.map(({ headers }) => headers.authorization)).toEqual([
      undefined,
      'Bearer topsecret',
    ]);
    expect(stderr).toContain('warning: --registry-token is visible to other users of this machine\n');
    expect(stderr).not.toContain('topsecret');
  });

  it.each<[readonly string[], string]>([
    [['inspect', 'r.example/app', '--username', 'jane'], '--username needs --password-stdin'],
    [['inspect', 'r.example/app', '--password-stdin'], '--password-stdin needs --username'],
    [['inspect', 'r.example/app', '--registry-token', ''], '--registry-token is empty'],
    [
      ['inspect', 'r.example/app', '--registry-token', 'x', '--username', 'jane', '--password-stdin'],
      '--registry-token and --username exclude each other',
    ],
    [
      ['create', 'r.example/app', 'alpine', 's.example/app', '--username', 'jane', '--password-stdin'],
      'credentials are given for one registry, but docker.io and s.example are named',
    ],
    [['ls', '--registry-token', 'x'], 'but no registry is named'],
    [
      ['create', 'r.example/app', '-f', '-', '--username', 'jane', '--password-stdin'],
      'standard input is used for the password (--password-stdin)',
    ],
  ])('%j is a usage error', async (argv, message) => {
    const { run } = await makeCommandLine();
    const { code, stderr } = await run(argv, { stdin: 'topsecret' });
    expect([code, stderr]).toEqual([125, expect.stringContaining(message)]);
  });

  it.each([
    ['a platform', 'remove', 'linux/amd64'],
    ['a digest', 'remove', `sha256:${'0'.repeat(64)}`],
    ['a digest', 'annotate', `sha512:${'0'.repeat(128)}`],
  ])('ignores %s besides the name, for %s', async (_what, command, entry) => {
    const { run } = await makeCommandLine();
    const args = [command, 'r.example/app', entry, '--username', 'jane', '--password-stdin'];
    const { code, stderr } = await run(args, { stdin: 'topsecret' });
    expect([code, stderr]).toEqual([3, expect.stringContaining(`for image ${entry} does not exist`)]);
  });

  it('is not saved in drafts', async () => {
    const registry = await startRegistry({ auth: account });
    registry.put('app', image, '1');
    const { run, directory } = await makeCommandLine();
    const args = ['create', `${registry.host}/list:1`, `${registry.host}/app:1`];
    const flags = ['--username', 'jane', '--password-stdin'];
    expect(await run([...args, ...flags, '--push', '--keep-draft'], { stdin: 'topsecret' })).toMatchObject({
      code: 0,
    });
    const files = await readTree(join(directory, 'drafts'));
    // Those of the draft and of the push are among them.
    expect(files).toContain(`${registry.host}/app`);
    expect(files).toContain(registry.manifest('list', '1')?.digest);
    expect(files).not.toMatch(/topsecret|jane/);
    expect(files).not.toContain(Buffer.from('jane:topsecret').toString('base64'));
  });
});
