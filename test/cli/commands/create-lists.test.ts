import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { amd64, arm64 } from '../../support/images.js';
import { startCommandLine } from '../../support/in-process.js';
import { tinyImage, tinyIndex } from '../../support/tiny-image.mjs';

const old = tinyIndex([tinyImage({ architecture: 'amd64', text: 'old' })]);
const LATER = tinyImage({ architecture: 'arm64', text: 'later' });

/** A registry with images of two lists and older indexes under their tags, and a file with both lists. */
async function start({ isNew = false } = {}) {
  const failing = new Set<string>();
  const commandLine = await startCommandLine({
    images: { amd64, arm64 },
    registry: {
      deletes: 'tags',
      fault: ({ method, path }, next) => {
        const name = path.replace('/v2/', '').replace('/manifests/', ':');
        return method === 'PUT' && failing.has(name) ? { status: 403, body: Buffer.from('{}') } : next();
      },
    },
  });
  const { registry, directory, app, host } = commandLine;
  const tools = `${host}/tools`;
  registry.put('images', amd64, 'amd64');
  registry.put('images', LATER, 'arm64');
  if (!isNew)
    for (const tag of ['1', 'latest']) for (const path of ['app', 'tools']) registry.put(path, old, tag);
  const file = join(directory, 'lists.yaml');
  await writeFile(
    file,
    `lists:
  - target: ${app}:1
    tags: [latest]
    images:
      - source: ${app}:amd64
      - source: ${app}:arm64
  - target: ${tools}:1
    tags: [latest, extra]
    annotations: { a: b }
    images:
      - source: ${host}/images:amd64
      - source: ${host}/images:arm64
`,
  );
  registry.requests.length = 0;
  const digest = (path: string, tag: string): string | undefined => registry.manifest(path, tag)?.digest;
  const tags = (): (string | undefined)[] =>
    ['app:1', 'app:latest', 'tools:1', 'tools:latest', 'tools:extra'].map((name) => {
      const [path = '', tag = ''] = name.split(':');
      return digest(path, tag);
    });
  const puts = (): string[] =>
    registry.requests
      .filter(({ method, path }) => method === 'PUT' && path.includes('/manifests/'))
      .map(({ path }) =>
        path
          .replace('/v2/', '')
          .replace('/manifests/', ':')
          .replace(/sha256:.*/, 'DIGEST'),
      );
  return { ...commandLine, tools, file, failing, digest, tags, puts };
}

const BEFORE = [old.digest, old.digest, old.digest, old.digest, undefined];

describe('create -f with several lists --push', () => {
  it('puts all content first, then all indexes by digest, then all tags, latest of each last', async () => {
    const { file, puts, tags, digest, run } = await start();
    const result = await run(['create', '-f', file, '--push']);
    expect(result).toMatchObject({ code: 0, stderr: expect.not.stringMatching(/^(?:error|warning)/m) });
    expect(puts()).toEqual([
      'tools:DIGEST',
      'tools:DIGEST',
      'app:DIGEST',
      'tools:DIGEST',
      'app:1',
      'tools:1',
      'tools:extra',
      'app:latest',
      'tools:latest',
    ]);
    const [app, appLatest, tools, toolsLatest, extra] = tags();
    expect([appLatest, toolsLatest, extra]).toEqual([app, tools, tools]);
    expect(result.stdout.split('\n').filter((line) => line.startsWith('sha256:'))).toEqual([app, tools]);
    expect(digest('app', '1')).not.toBe(old.digest);
    expect((await run(['ls', '-q'])).stdout).toBe('');
  });

  it('prints only the digests with --quiet, and a list of results with --json', async () => {
    const { file, app, tools, digest, run } = await start();
    const { stdout } = await run(['create', '-f', file, '--push', '--json']);
    const { lists } = JSON.parse(stdout) as { lists: Readonly<Record<string, unknown>>[] };
    expect(lists).toMatchObject([
      {
        reference: `${app}:1`,
        descriptor: { digest: digest('app', '1') },
        pushed: [],
        tags: ['1', 'latest'].map((tag) => ({
          reference: `${app}:${tag}`,
          previous: old.digest,
          outcome: 'moved',
        })),
      },
      {
        reference: `${tools}:1`,
        descriptor: { digest: digest('tools', '1') },
        pushed: [expect.stringContaining(`${tools}@`), expect.stringContaining(`${tools}@`)],
        tags: ['1', 'extra', 'latest'].map((tag) => ({ reference: `${tools}:${tag}` })),
      },
    ]);
    const again = await run(['create', '-f', file, '--push', '-q']);
    expect(again.stdout).toBe(`${digest('app', '1')}\n${digest('tools', '1')}\n`);
  });

  it('writes the reports of all lists', async () => {
    const { file, directory, app, tools, run } = await start();
    const files = ['metadata', 'output', 'summary'].map((name) => join(directory, name));
    const [metadata = '', GITHUB_OUTPUT = '', GITHUB_STEP_SUMMARY = ''] = files;
    const env = { GITHUB_OUTPUT, GITHUB_STEP_SUMMARY };
    const argv = ['create', '-f', file, '--push', '--metadata-file', metadata, '--github'];
    expect((await run(argv, { env })).code).toBe(0);
    const { lists } = JSON.parse(await readFile(metadata, 'utf8')) as { lists: { references: string[] }[] };
    expect(lists.map(({ references }) => references[0])).toEqual([`${app}:1`, `${tools}:1`]);
    expect(await readFile(GITHUB_OUTPUT, 'utf8')).toMatch(/^metadata<?.*lists/s);
    expect((await readFile(GITHUB_STEP_SUMMARY, 'utf8')).match(/### Published/g)).toHaveLength(2);
  });

  it('--dry-run plans all lists and writes nothing', async () => {
    const { file, puts, tags, app, tools, run } = await start();
    const { stdout, code } = await run(['create', '-f', file, '--push', '--dry-run', '--json']);
    expect(code).toBe(0);
    const { lists } = JSON.parse(stdout) as { lists: { reference: string; tags: unknown[] }[] };
    expect(lists.map(({ reference, tags: moves }) => [reference, moves.length])).toEqual([
      [`${app}:1`, 2],
      [`${tools}:1`, 3],
    ]);
    expect((await run(['create', '-f', file, '--push', '--dry-run'])).code).toBe(0);
    expect(puts()).toEqual([]);
    expect(tags()).toEqual(BEFORE);
  });

  it.each([
    [
      'a source of the second list is missing',
      (text: string) => text.replace('images:arm64', 'images:none'),
      3,
    ],
    [
      'a required platform of the second list is missing',
      (text: string) => `${text}    require: [linux/s390x]\n`,
      5,
    ],
    [
      'the second list has a platform twice',
      (text: string) => text.replace('images:arm64', 'images:amd64\n        platform: linux/amd64'),
      5,
    ],
  ])('writes nothing if %s', async (_, change, code) => {
    const { file, puts, tags, run } = await start();
    await writeFile(file, change(await readFile(file, 'utf8')));
    expect((await run(['create', '-f', file, '--push'])).code).toBe(code);
    expect(puts()).toEqual([]);
    expect(tags()).toEqual(BEFORE);
  });

  it('moves no tag if an index of any list is rejected', async () => {
    const { file, failing, puts, tags, run } = await start();
    const plan = await run(['create', '-f', file, '--push', '--dry-run', '--quiet']);
    failing.add(`tools:${plan.stdout.trim().split('\n')[1]}`);
    expect((await run(['create', '-f', file, '--push'])).code).toBe(4);
    expect(puts().filter((put) => !put.endsWith('DIGEST'))).toEqual([]);
    expect(tags()).toEqual(BEFORE);
  });

  it.each(['tools:1', 'tools:latest'])(
    'moves the tags of all lists back if %s cannot be written, and undo has nothing to undo',
    async (name) => {
      const { file, app, tools, failing, tags, run } = await start();
      failing.add(name);
      const failed = await run(['create', '-f', file, '--push', '--json']);
      expect(failed.code).toBe(4);
      expect(tags()).toEqual(BEFORE);
      failing.clear();
      for (const list of [app, tools]) expect((await run(['undo', `${list}:1`])).code).toBe(3);
      expect(tags()).toEqual(BEFORE);
    },
  );

  it('deletes the tags that it has created', async () => {
    const { file, failing, tags, run } = await start({ isNew: true });
    failing.add('tools:latest');
    expect((await run(['create', '-f', file, '--push'])).code).toBe(4);
    expect(tags()).toEqual([undefined, undefined, undefined, undefined, undefined]);
  });

  it('an existing draft of any list is a conflict', async () => {
    const { file, tools, app, puts, run } = await start();
    await run(['create', `${tools}:1`, `${app}:amd64`]);
    expect((await run(['create', '-f', file, '--push'])).code).toBe(7);
    expect(puts()).toEqual([]);
  });
});

describe('undo of lists that were pushed together', () => {
  it.each(['app', 'tools'])(
    'named by %s moves back all tags of all lists, and can be repeated for neither',
    async (named) => {
      const { file, host, app, tools, tags, digest, run } = await start();
      await run(['create', '-f', file, '--push']);
      const extra = digest('tools', 'extra');
      const dry = await run(['undo', `${host}/${named}:1`, '--dry-run']);
      const { code, stdout } = await run(['undo', `${host}/${named}:1`]);
      expect(code).toBe(0);
      expect(stdout).toBe(dry.stdout);
      expect(stdout.split('\n').filter(Boolean).toSorted()).toEqual(
        [app, tools]
          .flatMap((list) => [`${list}:1 ${old.digest}`, `${list}:latest ${old.digest}`])
          .toSorted(),
      );
      expect(stdout.split('\n')[0]).toContain(':latest');
      expect(tags()).toEqual([...BEFORE.slice(0, 4), extra]);
      for (const list of [app, tools]) expect((await run(['undo', `${list}:1`])).code).toBe(3);
    },
  );

  it('moves nothing if one of the lists has been pushed since', async () => {
    const { file, app, tools, tags, run } = await start();
    await run(['create', '-f', file, '--push']);
    await run(['create', `${tools}:1`, `${app}:amd64`, '--push']);
    const before = tags();
    const { code, stderr } = await run(['undo', `${app}:1`]);
    expect(code).toBe(7);
    expect(stderr).toContain(`${tools}:1 has been pushed since it was pushed together with ${app}:1`);
    expect(tags()).toEqual(before);
    expect((await run(['undo', `${tools}:1`])).code).toBe(0);
    expect((await run(['undo', `${app}:1`])).code).toBe(0);
    expect(tags().slice(0, 4)).toEqual(BEFORE.slice(0, 4));
  });

  it('that failed in between can be repeated from any of the lists', async () => {
    const { file, app, tools, failing, tags, run } = await start();
    await run(['create', '-f', file, '--push']);
    failing.add('app:1');
    expect((await run(['undo', `${app}:1`])).code).toBe(4);
    failing.clear();
    expect((await run(['undo', `${tools}:1`])).code).toBe(0);
    expect(tags().slice(0, 4)).toEqual(BEFORE.slice(0, 4));
  });
});

describe('create -f with several lists', () => {
  it('creates the drafts of all lists', async () => {
    const { file, app, tools, run } = await start();
    const created = await run(['create', '-f', file]);
    expect(created.stdout).toBe(`Created manifest list ${app}:1\nCreated manifest list ${tools}:1\n`);
    expect((await run(['ls', '-q'])).stdout).toBe(`${app}:1\n${tools}:1\n`);
    const amended = await run(['create', '-f', file, '--amend', '--json']);
    const { lists } = JSON.parse(amended.stdout) as { lists: { reference: string }[] };
    expect(lists.map(({ reference }) => reference)).toEqual([`${app}:1`, `${tools}:1`]);
  });

  it.each([
    ['a source is missing', (text: string) => text.replace('images:arm64', 'images:none'), 3],
    ['a platform is missing', (text: string) => `${text}    require: [linux/s390x]\n`, 5],
  ])('creates none if %s', async (_, change, code) => {
    const { file, run } = await start();
    await writeFile(file, change(await readFile(file, 'utf8')));
    expect((await run(['create', '-f', file])).code).toBe(code);
    expect((await run(['ls', '-q'])).stdout).toBe('');
  });

  it('creates none if one exists already', async () => {
    const { file, app, tools, run } = await start();
    await run(['create', `${tools}:1`, `${app}:amd64`]);
    expect((await run(['create', '-f', file])).code).toBe(7);
    expect((await run(['ls', '-q'])).stdout).toBe(`${tools}:1\n`);
  });

  it('rejects arguments that are for one list', async () => {
    const { file, app, puts, run } = await start();
    const cases: readonly (readonly [flags: readonly string[], message: string])[] = [
      [['LIST'], 'LIST cannot be used with a file that has several lists'],
      [['--push', '-t', 'x'], '--tag cannot be used'],
      [['--push', '--expect-current', 'none'], '--expect-current cannot be used'],
      [['--push', '--digest-file', 'x'], '--digest-file cannot be used'],
      [['--from', 'a'], '--from cannot be used'],
      [['--digests', '.'], '--digests cannot be used'],
      [['--push', '--amend'], '--amend cannot be used with --push and several lists'],
      [['--push', '--keep-draft'], '--keep-draft cannot be used with --push and several lists'],
    ];
    for (const [flags, message] of cases) {
      const { code, stderr } = await run([
        'create',
        ...flags.map((flag) => flag.replace('LIST', `${app}:x`)),
        '-f',
        file,
      ]);
      expect({ flags, code }).toEqual({ flags, code: 125 });
      expect(stderr).toContain(message.replace('LIST', `${app}:x`));
    }
    expect(puts()).toEqual([]);
  });

  it('must be the only file', async () => {
    const { file, directory, app, run } = await start();
    const other = join(directory, 'other.yaml');
    await writeFile(other, `{target: '${app}:x', images: [{source: '${app}:amd64'}]}`);
    const { code, stderr } = await run(['create', '-f', file, '-f', other]);
    expect(code).toBe(125);
    expect(stderr).toContain('a file with several lists must be the only file');
  });
});
