import { mkdir, readdir, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { COMMANDS } from '../../../src/cli/commands/command-table.js';
import { kindOfOption, kindOfPositional } from '../../../src/cli/complete/value-kinds.js';
import type { OptionDeclaration } from '../../../src/cli/flags.js';
import { GLOBAL_OPTIONS } from '../../../src/cli/global-options.js';
import { amd64, arm64 } from '../../support/images.js';
import { makeCommandLine, startCommandLine, type CommandLine } from '../../support/in-process.js';

/** Completes a command line: the values, and the directive of the last line. */
async function complete(
  { run }: CommandLine,
  words: readonly string[],
): Promise<{ readonly values: readonly string[]; readonly directive: string | undefined }> {
  const { code, stdout, stderr } = await run(['__complete', ...words]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const lines = stdout.trimEnd().split('\n');
  const directive = lines.pop();
  return { values: lines.map((line) => line.replace(/\t.*/, '')), directive };
}

const DIGEST = /^sha256:[0-9a-f]{64}$/;

describe('a command line is completed', () => {
  it.each<{ words: string[]; values: string[]; directive?: string }>([
    { words: [], values: COMMANDS.map(({ name }) => name) },
    { words: [''], values: COMMANDS.map(({ name }) => name) },
    { words: ['cre'], values: ['create'] },
    { words: ['--json', 'lo'], values: ['login', 'logout'] },
    { words: ['--store', 'x', 'val'], values: ['validate'] },
    { words: ['frobnicate', ''], values: [] },
    { words: ['push', '--pro'], values: ['--progress'] },
    { words: ['--pro'], values: ['--progress'] },
    { words: ['push', '--progress', ''], values: ['auto', 'plain', 'none'] },
    { words: ['push', '--progress', 'p'], values: ['plain'] },
    // As in cobra, without the flag.
    { words: ['push', '--progress=p'], values: ['plain'] },
    { words: ['push', '--purge='], values: ['false', 'true'] },
    { words: ['push', '--no-such='], values: [] },
    { words: ['push', '--unknown', '--progress', 'p'], values: ['plain'] },
    { words: ['push', '--timeout', ''], values: [] },
    { words: ['create', 'app:1', '--platform', 'linux/arm64,linux/s'], values: ['linux/arm64,linux/s390x'] },
    { words: ['create', 'app:1', '--platform', 'linux/arm64,linux/arm6'], values: [] },
    { words: ['push', '--require=linux/am'], values: ['linux/amd64'] },
    { words: ['annotate', 'app:1', '--os', 'li'], values: ['linux'] },
    { words: ['annotate', 'app:1', '--unset', 'os-'], values: ['os-features', 'os-version'] },
    {
      words: ['create', '--annotation', 'index:org.opencontainers.image.l'],
      values: ['index:org.opencontainers.image.licenses='],
      directive: ':6',
    },
    { words: ['ls', '--limit', 're'], values: ['requests='], directive: ':6' },
    { words: ['push', '--expect-current', 'n'], values: ['none'] },
    { words: ['create', '-f', ''], values: [], directive: ':0' },
    { words: ['create', '-f=x'], values: [], directive: ':0' },
    { words: ['create', '--digests', ''], values: [], directive: ':16' },
    { words: ['cache', 'c'], values: ['clear'] },
    { words: ['completion', ''], values: ['bash', 'zsh', 'fish', 'powershell'] },
    { words: ['completion', 'bash', ''], values: [] },
    { words: ['help', 'v'], values: ['validate', 'version'] },
    { words: ['help', 'opt'], values: ['options'] },
    { words: ['ls', ''], values: [] },
    { words: ['validate', 'x'], values: [], directive: ':0' },
    { words: ['copy', 'oci-a'], values: ['oci-archive:'], directive: ':6' },
    { words: ['copy', 'docker-daemon:a'], values: [] },
    { words: ['push', '--', '--pro'], values: [] },
  ])('$words', async ({ words, values, directive = ':4' }) => {
    expect(await complete(await makeCommandLine(), words)).toEqual({ values, directive });
  });

  it('with each flag once, unless it can be repeated', async () => {
    const line = await makeCommandLine();
    const { values } = await complete(line, ['push', '--tag', 'a', '--purge', '-q', '--']);
    expect(values).toEqual(expect.arrayContaining(['--tag', '--dry-run', '--store']));
    expect(values.filter((name) => ['--purge', '--quiet', '-t'].includes(name))).toEqual([]);
    expect((await complete(line, ['push', '-'])).values).toEqual(
      expect.arrayContaining(['-t', '--tag', '-q']),
    );
  });

  it('with descriptions, or without them', async () => {
    const { run } = await makeCommandLine();
    expect((await run(['__complete', 'ls'])).stdout).toBe('ls\tList the drafts\n:4\n');
    expect((await run(['__completeNoDesc', 'ls'])).stdout).toBe('ls\n:4\n');
  });

  it('for docker, which passes the name of the plugin', async () => {
    const { run } = await makeCommandLine();
    const { stdout } = await run(['__complete', 'multiarch', 'ls'], { program: 'docker-multiarch' });
    expect(stdout).toBe('ls\tList the drafts\n:4\n');
  });
});

describe('names', () => {
  async function start() {
    const line = await startCommandLine({ images: { amd64, arm64 } });
    const { app, run } = line;
    for (const list of ['tool:1.0', `${app}:1`]) {
      await run(['create', list, `${app}:amd64`, `${app}:arm64`]);
    }
    return line;
  }

  it('of drafts are completed in the form that is typed', async () => {
    const line = await start();
    const { app } = line;
    expect((await complete(line, ['push', ''])).values.toSorted()).toEqual(
      [`${app}:1`, 'tool:1.0'].toSorted(),
    );
    expect((await complete(line, ['push', 'to'])).values).toEqual(['tool:1.0']);
    expect((await complete(line, ['push', 'docker.io/lib'])).values).toEqual(['docker.io/library/tool:1.0']);
    expect((await complete(line, ['rm', 'tool:1.0', ''])).values).toEqual([`${app}:1`]);
    expect(await complete(line, ['validate', 'to'])).toEqual({ values: ['tool:1.0'], directive: ':0' });
    expect((await complete(line, ['push', 'tool:1.0', ''])).values).toEqual([]);
    expect((await line.run(['__complete', 'push', 'to'])).stdout).toBe('tool:1.0\tdraft, 2 images\n:4\n');
  });

  it('of drafts are those of --store', async () => {
    const line = await start();
    expect((await complete(line, ['push', '--store', join(line.directory, 'other'), ''])).values).toEqual([]);
  });

  it.each([
    ['annotate', 'tool:1.0'],
    ['remove', 'tool:1.0'],
    ['inspect', 'tool:1.0'],
    ['remove', 'docker.io/library/tool:1.0'],
  ])('of entries are platforms, sources and digests: %s %s', async (...words) => {
    const line = await start();
    const { app } = line;
    expect((await complete(line, [...words, ''])).values).toEqual([
      'linux/amd64',
      `${app}:amd64`,
      'linux/arm64',
      `${app}:arm64`,
    ]);
    expect((await complete(line, [...words, 'linux/ar'])).values).toEqual(['linux/arm64']);
    const { values } = await complete(line, [...words, 'sha256:']);
    expect(values).toEqual([expect.stringMatching(DIGEST), expect.stringMatching(DIGEST)]);
  });

  it('of entries are not offered twice, and only of a draft that exists', async () => {
    const line = await start();
    expect((await complete(line, ['remove', 'tool:1.0', 'linux/arm64', 'linux/'])).values).toEqual([
      'linux/amd64',
    ]);
    expect((await complete(line, ['remove', 'tool:1.0', 'linux/arm64', 'x', 'linux/'])).values).toEqual([
      'linux/amd64',
    ]);
    expect((await complete(line, ['annotate', 'tool:1.0', 'linux/arm64', ''])).values).toEqual([]);
    expect((await complete(line, ['remove', 'nothing', ''])).values).toEqual([]);
  });

  it('of repositories are those of the drafts', async () => {
    const line = await start();
    expect(await complete(line, ['copy', line.host])).toEqual({ values: [`${line.app}:`], directive: ':6' });
    expect((await complete(line, ['copy', `docker://${line.host}`])).values).toEqual([
      `docker://${line.app}:`,
    ]);
    expect(await complete(line, ['create', 'to'])).toEqual({
      values: ['tool:1.0', 'tool:'],
      directive: ':4',
    });
  });

  it('of registries are those of the drafts', async () => {
    const line = await start();
    expect((await complete(line, ['login', ''])).values.toSorted()).toEqual(
      ['docker.io', line.host].toSorted(),
    );
  });

  it('of layouts and archives are paths', async () => {
    const line = await makeCommandLine();
    const { directory } = line;
    await mkdir(join(directory, 'layout'));
    await writeFile(join(directory, 'app.tar'), '');
    const paths = async (text: string): Promise<readonly string[]> =>
      (await complete(line, ['copy', `${text}${directory}/`])).values;
    expect(await paths('oci:')).toEqual([`oci:${directory}/layout/`]);
    expect((await paths('oci-archive:')).toSorted()).toEqual(
      [`oci-archive:${directory}/app.tar`, `oci-archive:${directory}/layout/`].toSorted(),
    );
    expect(await complete(line, ['copy', `docker-archive:${directory}/a`])).toEqual({
      values: [`docker-archive:${directory}/app.tar`],
      directive: ':4',
    });
    expect((await complete(line, ['copy', 'oci:/no/such/'])).values).toEqual([]);
  });

  it('are not completed from a damaged draft or a store that cannot be read', async () => {
    const line = await start();
    await writeFile(join(line.directory, 'drafts', 'docker.io%2flibrary%2fbad%3a1.json'), '{');
    expect((await complete(line, ['push', 'to'])).values).toEqual(['tool:1.0']);
    expect(
      (await complete(line, ['push', '--store', join(line.directory, 'drafts', 'x', 'y'), ''])).values,
    ).toEqual([]);
  });
});

describe('tags of a repository', () => {
  const images = { '1.2-amd64': amd64, '1.2-arm64': arm64, latest: amd64 };

  it('are asked for once, and kept for a short time in private files', async () => {
    const line = await startCommandLine({ images });
    const { app, registry, directory } = line;
    expect(await complete(line, ['create', 'app:1', `${app}:1`])).toEqual({
      values: [`${app}:1.2-amd64`, `${app}:1.2-arm64`],
      directive: ':4',
    });
    const requests = registry.requests.length;
    expect(registry.requests.filter(({ path }) => path.includes('/tags/list'))).toHaveLength(1);
    expect((await complete(line, ['copy', `docker://${app}:l`])).values).toEqual([`docker://${app}:latest`]);
    expect((await complete(line, ['push', 'app:1', '--tag', `${app}:`])).values).toHaveLength(3);
    expect(registry.requests).toHaveLength(requests);
    const kept = join(directory, 'cache', 'multiarch', 'tags');
    const [file = ''] = await readdir(kept);
    expect((await stat(kept)).mode & 0o777).toBe(0o700);
    expect((await stat(join(kept, file))).mode & 0o777).toBe(0o600);
  });

  it('are asked for again when they are old, and with --no-cache', async () => {
    const line = await startCommandLine({ images });
    const { app, registry, directory } = line;
    const lists = (): number => registry.requests.filter(({ path }) => path.includes('/tags/list')).length;
    await complete(line, ['copy', `${app}:`]);
    const kept = join(directory, 'cache', 'multiarch', 'tags');
    const [file = ''] = await readdir(kept);
    const before = new Date(Date.now() - 60_000);
    await utimes(join(kept, file), before, before);
    await complete(line, ['copy', `${app}:`]);
    expect(lists()).toBe(2);
    await complete(line, ['copy', '--no-cache', `${app}:`]);
    expect(lists()).toBe(3);
    await rm(join(directory, 'cache'), { recursive: true });
    await complete(line, ['copy', '--no-cache', `${app}:`]);
    expect(await readdir(directory)).not.toContain('cache');
  });

  it.each([
    { name: 'a repository that is missing', text: (app: string) => `${app}x:` },
    { name: 'a registry that is down', text: () => '127.0.0.1:9/app:' },
    { name: 'a name that is none', text: () => 'UPPER/app:' },
  ])('are silently missing for $name', async ({ text }) => {
    const line = await startCommandLine({ images });
    expect(await complete(line, ['copy', text(line.app)])).toEqual({ values: [], directive: ':4' });
  });

  it('are not read from files that others can write', async () => {
    const line = await startCommandLine({ images });
    const kept = join(line.directory, 'cache', 'multiarch', 'tags');
    await complete(line, ['copy', `${line.app}:`]);
    const [file = ''] = await readdir(kept);
    await rm(join(kept, file));
    await writeFile(join(line.directory, 'planted'), 'planted');
    await symlink(join(line.directory, 'planted'), join(kept, file));
    expect((await complete(line, ['copy', `${line.app}:`])).values).toHaveLength(3);
  });
});

describe('each value', () => {
  it('of a flag says how it is completed', async () => {
    const commands = await Promise.all(COMMANDS.map(async ({ load }) => (await load()).options));
    const options = [GLOBAL_OPTIONS, ...commands].flatMap((each) => Object.entries<OptionDeclaration>(each));
    const unknown = options.filter(([, option]) => kindOfOption(option) === undefined).map(([name]) => name);
    expect(unknown).toEqual([]);
  });

  it('of a positional says how it is completed', () => {
    const unknown = COMMANDS.filter(({ positionals }) => positionals !== '').flatMap((entry) =>
      entry.positionals
        .split(' ')
        .filter((_spec, index) => kindOfPositional(entry, index) === undefined)
        .map((spec) => `${entry.name} ${spec}`),
    );
    expect(unknown).toEqual([]);
  });
});
