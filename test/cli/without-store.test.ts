import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { amd64, arm64, pair } from '../support/images.js';
import { startCommandLine } from '../support/in-process.js';

/** Directories that cannot be created, whoever runs the test. */
const STORES = [
  { name: 'a file in the path', path: (file: string) => join(file, 'state') },
  { name: 'a file instead of the directory', path: (file: string) => file },
  { name: 'a file system without directories', path: () => '/proc/none/such' },
].filter(({ name }) => process.platform === 'linux' || !name.startsWith('a file system'));

/** A registry, and a command line whose drafts cannot be saved. */
async function start(path: (file: string) => string) {
  const { run, directory, ...started } = await startCommandLine({
    images: { amd64, arm64, pair },
  });
  const file = join(directory, 'file');
  await writeFile(file, '');
  const env = { MULTIARCH_STORE: path(file) };
  return { ...started, directory, run: (...argv: readonly string[]) => run(argv, { env }) };
}

describe.each(STORES)('without a directory for drafts: $name', ({ path }) => {
  it.each([[[]], [['--purge']], [['--keep-draft']], [['--amend']]])(
    'create --push %j publishes',
    async (flags) => {
      const { app, registry, run } = await start(path);
      for (const _ of ['first', 'again']) {
        const { code, stdout, stderr } = await run('create', `${app}:1`, `${app}:amd64`, '--push', ...flags);
        expect({ code, stdout }, stderr).toEqual({
          code: 0,
          stdout: `${registry.manifest('app', '1')?.digest}\n`,
        });
        const warned = /warning: multiarch undo will not know of this push of .*: cannot (?:create|read) /;
        if (_ === 'first') expect(stderr).toMatch(warned);
        const keeps = flags.includes('--keep-draft');
        if (keeps) expect(stderr).toMatch(/warning: the draft .*:1 is not kept: cannot create /);
        else expect(stderr).not.toContain('is not kept');
      }
    },
  );

  it('reading, copying and a dry run work', async () => {
    const { app, registry, directory, run } = await start(path);
    const calls = [
      ['inspect', `${app}:pair`],
      ['inspect', '--raw', `${app}:pair`],
      ['validate', `${app}:pair`],
      ['diff', `${app}:pair`, `${app}:pair`],
      ['create', `${app}:2`, `${app}:amd64`, '--push', '--dry-run'],
      ['copy', `${app}:pair`, `${app}:copy`],
      ['copy', `${app}:pair`, `oci:${directory}/layout:1`],
      ['ls'],
      ['ls', '--json'],
    ];
    for (const call of calls) expect(await run(...call), call.join(' ')).toMatchObject({ code: 0 });
    expect(registry.manifest('app', 'copy')?.digest).toBe(pair.digest);
    expect(registry.manifest('app', '2')).toBeUndefined();
  });

  it('a draft cannot be saved, and the hint names the variable to set', async () => {
    const { app, run } = await start(path);
    const { code, stdout, stderr } = await run('create', `${app}:1`, `${app}:amd64`);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/hint: .*MULTIARCH_STORE/);
  });
});

it('a home directory is not needed if the store is named, and nothing is written to it', async () => {
  const { app, run, directory } = await startCommandLine({ images: { amd64 } });
  const home = join(directory, 'home');
  await mkdir(home);
  const env = { HOME: home, DOCKER_CONFIG: '' };
  expect(await run(['create', `${app}:1`, `${app}:amd64`, '--push'], { env })).toMatchObject({ code: 0 });
  expect(await readdir(home)).toEqual([]);
});

it('drafts are in the home directory that the environment names', async () => {
  const { app, run, directory } = await startCommandLine({ images: { amd64 } });
  const env = { HOME: join(directory, 'home'), USERPROFILE: join(directory, 'home'), MULTIARCH_STORE: '' };
  expect(await run(['create', `${app}:1`, `${app}:amd64`], { env })).toMatchObject({ code: 0 });
  expect(await readdir(join(directory, 'home'))).toHaveLength(1);
});
