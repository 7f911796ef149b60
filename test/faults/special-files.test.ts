import { execFileSync } from 'node:child_process';
import { chmod, mkdir, readFile, readdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { draftFileName, historyFileName } from '../../src/drafts/file-name.js';
import { readAuthorities, readClientPair } from '../../src/http/tls/tls-files.js';
import { COMMAND } from '../support/executable.js';
import { amd64 } from '../support/images.js';
import { startCommandLine } from '../support/in-process.js';
import { run as runProcess } from '../support/run.js';
import { writeLayout } from '../support/tiny-image.mjs';

const OTHER_USER = ['--reuid=65534', '--regid=65534', '--clear-groups'];

async function start() {
  const { directory, run, host } = await startCommandLine({ images: { amd64 } });
  const pipe = async (...names: readonly string[]): Promise<string> => {
    const path = join(directory, ...names);
    await mkdir(dirname(path), { recursive: true });
    execFileSync('mkfifo', [path]);
    return path;
  };
  return { directory, run, host, pipe };
}

/** A command that waited for the writer of a pipe would never end. */
describe.runIf(process.platform !== 'win32')('a pipe instead of a file', () => {
  it.each([
    ["docker's configuration", 'config.json', 'DOCKER_CONFIG'],
    ['REGISTRY_AUTH_FILE', 'auth.json', 'REGISTRY_AUTH_FILE'],
  ])('%s: a login fails', async (_, name, variable) => {
    const { run, host, pipe } = await start();
    const path = await pipe('logins', name);
    const env = { [variable]: variable === 'DOCKER_CONFIG' ? dirname(path) : path };
    const login = await run(['login', host, '-u=jane', '--password-stdin'], { env, stdin: 'secret' });
    expect(login.stderr).toContain(`error: cannot read ${path}: it is a pipe, not a regular file`);
    expect(login.code).toBe(1);
  });

  it('a draft is damaged, does not hide the others, and can be removed', async () => {
    const { run, pipe } = await start();
    const path = await pipe('drafts', draftFileName('docker.io/library/app:1'));
    expect(await run(['create', 'app:2'])).toMatchObject({ code: 0 });
    const message = `cannot read ${path}: it is a pipe, not a regular file`;
    for (const command of [
      ['inspect', 'app:1'],
      ['push', 'app:1'],
      ['create', 'app:1', '--amend'],
    ]) {
      const { code, stderr } = await run(command);
      expect(stderr, command.join(' ')).toContain(message);
      expect(code).toBe(1);
    }
    const listed = await run(['ls']);
    expect(listed.stdout).toContain('docker.io/library/app:2');
    expect(listed.stderr).toContain(message);
    expect(await run(['rm', 'app:1'])).toMatchObject({ code: 0 });
  });

  it('a history', async () => {
    const { run, pipe } = await start();
    const path = await pipe('drafts', historyFileName('docker.io/library/app:1'));
    const { code, stderr } = await run(['undo', 'app:1']);
    expect({ code, stderr }).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`cannot read ${path}: it is a pipe, not a regular file`) as string,
    });
  });

  it('a certificate', async () => {
    const { pipe } = await start();
    const path = await pipe('certificate.pem');
    const message = `certificate ${path}: it is a pipe, not a regular file`;
    expect(() => readAuthorities(path)).toThrow(`cannot read the CA ${message}`);
    expect(() => readClientPair({ cert: path, key: path })).toThrow(`cannot read the client ${message}`);
  });

  it.each(['index.json', 'oci-layout'])('%s of a layout', async (name) => {
    const { directory, run } = await start();
    const layout = join(directory, 'layout');
    await writeLayout(layout, amd64, '1');
    execFileSync('rm', [join(layout, name)]);
    execFileSync('mkfifo', [join(layout, name)]);
    const { code, stderr } = await run(['inspect', `oci:${layout}:1`]);
    expect(stderr).toContain(`${join(layout, name)} is not a regular file`);
    expect(code).toBe(5);
  });

  it.each(['oci-archive', 'docker-archive'])('an archive (%s)', async (transport) => {
    const { run, pipe } = await start();
    const path = await pipe('archive.tar');
    const { code, stderr } = await run(['inspect', `${transport}:${path}`]);
    expect(stderr).toContain(`${path} is not a regular file`);
    expect(code).toBe(5);
  });
});

/** A loop is a failure that root has too, unlike missing permission. */
describe.runIf(process.platform !== 'win32')('a file that cannot be read, here a loop of links,', () => {
  it.each([
    ["docker's configuration", ['login', 'HOST', '-u=jane', '--password-stdin'], { DOCKER_CONFIG: 'DIR' }],
    ['REGISTRY_AUTH_FILE', ['login', 'HOST', '-u=jane', '--password-stdin'], { REGISTRY_AUTH_FILE: 'LOOP' }],
    ['a document', ['validate', 'LOOP'], {}],
    ['an assembly file', ['create', '-f', 'LOOP'], {}],
    ['a directory of digests', ['create', 'HOST/app:1', '--digests', 'LOOP'], {}],
    ['an authority', ['inspect', 'registry.test/app:1', '--cacert', 'LOOP'], {}],
    ['an archive', ['inspect', 'oci-archive:LOOP'], {}],
    ['a draft', ['inspect', 'app:1'], {}],
  ] as const)('%s: the error says why, and what to do', async (_, command, env) => {
    const { directory, run, host } = await start();
    const path = join(directory, 'config.json');
    await symlink('config.json', path);
    await mkdir(join(directory, 'drafts'));
    const draft = draftFileName('docker.io/library/app:1');
    await symlink(draft, join(directory, 'drafts', draft));
    const fill = (text: string): string =>
      text.replace('HOST', host).replace('DIR', directory).replace('LOOP', path);
    const { code, stderr } = await run(command.map(fill), {
      env: Object.fromEntries(Object.entries(env).map(([name, value]) => [name, fill(value)])),
      stdin: 'secret',
    });
    expect(stderr).toMatch(
      /error: cannot read .*: too many levels of symbolic links\nhint: Remove the link, or /,
    );
    expect(code).toBe(1);
  });
});

describe.runIf(process.platform !== 'win32')('what is not a file in the directory of the drafts', () => {
  const name = draftFileName('docker.io/library/app:1');

  it.each([
    ['a dangling link', (path: string) => symlink('missing', path), /^$/],
    ['a loop of links', (path: string) => symlink(name, path), /too many levels of symbolic links\n$/],
    ['a link to another file', (path: string) => symlink('../secret', path), /is not JSON: .*\n$/],
  ])('%s can be removed, and its target is kept', async (_, plant, problem) => {
    const { directory, run } = await start();
    await mkdir(join(directory, 'drafts'));
    await writeFile(join(directory, 'secret'), 'of the user');
    for (const command of [
      ['rm', 'app:1'],
      ['rm', '--all'],
    ]) {
      await plant(join(directory, 'drafts', name));
      expect((await run(['ls'])).stderr).toMatch(problem);
      expect(await run(command)).toMatchObject({ code: 0, stderr: '' });
      expect(await readdir(join(directory, 'drafts'))).toEqual([]);
    }
    expect(await readFile(join(directory, 'secret'), 'utf8')).toBe('of the user');
  });

  it('a directory is reported, and does not keep `rm --all` from removing the others', async () => {
    const { directory, run } = await start();
    const path = join(directory, 'drafts', name);
    await mkdir(path, { recursive: true });
    await run(['create', 'app:2']);
    const message = (action: string): string => `error: cannot ${action} ${path}: it is a directory\n`;
    expect((await run(['inspect', 'app:1'])).stderr).toContain(message('read'));
    expect((await run(['rm', '--all'])).stderr).toBe(
      `${message('remove')}hint: Move it away, or choose another directory with --store or MULTIARCH_STORE.\n`,
    );
    expect(await readdir(join(directory, 'drafts'))).toEqual([name]);
  });

  it.runIf(process.getuid?.() === 0)('the draft of another user in a shared directory', async () => {
    const { directory, run } = await start();
    const drafts = join(directory, 'drafts');
    await mkdir(drafts);
    await chmod(directory, 0o755);
    await chmod(drafts, 0o1777);
    await run(['create', 'app:1']);
    const others = await runProcess('setpriv', [
      ...OTHER_USER,
      ...COMMAND,
      'rm',
      'app:1',
      `--store=${drafts}`,
    ]);
    expect(others.stderr).toBe(
      `error: cannot remove ${join(drafts, name)}: permission denied\nhint: Check its owner and permissions, or choose another directory with --store or MULTIARCH_STORE.\n`,
    );
    expect(await readdir(drafts)).toEqual([name]);
  });
});

describe.runIf(process.platform !== 'win32')('a pipe as a document', () => {
  it.each([
    ['validate', ['validate', 'PIPE']],
    ['diff', ['diff', 'PIPE', 'FILE']],
    ['an assembly file', ['create', 'app:1', '--file=PIPE', '--dry-run', '--push']],
  ])('%s reads it to its end', async (_, command) => {
    const { directory, run, pipe } = await start();
    const path = await pipe('document.json');
    const file = join(directory, 'file.json');
    const text = JSON.stringify({ target: 'app:1', images: [] });
    await writeFile(file, text);
    const reading = run(command.map((arg) => arg.replace('PIPE', path).replace('FILE', file)));
    await writeFile(path, `${text}${' '.repeat(200_000)}`);
    expect((await reading).stderr).not.toContain('document.json: ');
  });

  it('without a writer ends with --timeout', async () => {
    const { pipe } = await start();
    const [program, ...first] = COMMAND;
    const args = [...first, 'validate', await pipe('document.json'), '--timeout=100ms'];
    expect(await runProcess(program, args)).toMatchObject({
      code: 6,
      stderr: expect.stringContaining('timed out') as string,
    });
  });
});
