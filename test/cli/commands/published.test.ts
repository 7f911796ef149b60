import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { amd64, arm64, pair, s390x } from '../../support/images.js';
import { OK, startCommandLine } from '../../support/in-process.js';
import { tinyIndex, writeLayout } from '../../support/tiny-image.mjs';

/**
 * A registry with the index `1` of amd64 and arm64, and the images by architecture. The draft `1` has s390x only. The draft
 * `never` of amd64 is not published.
 */
async function start() {
  const made = await startCommandLine({ images: { 1: pair, amd64, arm64, s390x } });
  const { app, run, registry } = made;
  await run(['create', `${app}:1`, `${app}:s390x`]);
  await run(['create', `${app}:never`, `${app}:amd64`]);
  const drafted = (await run(['inspect', '--raw', `${app}:1`])).stdout;
  registry.clearLog();
  return { ...made, drafted, published: Buffer.from(pair.bytes).toString() };
}

/** How a name that ignores drafts is written. */
const IGNORING = [
  ['--published', (name: string) => [name, '--published']],
  ['docker://', (name: string) => [`docker://${name}`]],
] as const;

const requirePair = ['--require', 'linux/amd64,linux/arm64'];

describe('a plain name', () => {
  it('reads the draft, and says so', async () => {
    const { app, run, drafted, registry } = await start();
    expect(await run(['inspect', '--raw', `${app}:1`])).toMatchObject({ stdout: drafted, stderr: '' });
    expect(await run(['validate', `${app}:1`])).toMatchObject({
      stdout: expect.stringContaining(`the draft ${app}:1: valid`),
    });
    expect(await run(['diff', `${app}:1`, `${app}:1`])).toMatchObject({
      stdout: expect.stringMatching(
        new RegExp(`Before: +the draft ${app}:1 .*\nAfter: +the draft ${app}:1 `),
      ),
    });
    expect(await run(['inspect', `${app}:1`, 'linux/s390x'])).toMatchObject({ code: 0, stderr: '' });
    expect(registry.lines()).toEqual([]);
  });

  it.each([
    ['never', ['--require', 'linux/amd64'], 0],
    ['never', requirePair, 5],
    ['1', requirePair, 5],
  ])('with --require says on stderr that the draft %s was checked: %j', async (tag, flags, code) => {
    const { app, run } = await start();
    const result = await run(['inspect', `${app}:${tag}`, ...flags]);
    expect(result.code).toBe(code);
    expect(result.stderr).toMatch(
      `warning: --require checks the draft ${app}:${tag}, not what is published; --published checks that\n`,
    );
  });

  it('with --require says nothing if there is no draft', async () => {
    const { app, run } = await start();
    await run(['rm', `${app}:1`]);
    expect(await run(['inspect', `${app}:1`, ...requirePair])).toMatchObject({ code: 0, stderr: '' });
  });
});

describe.each(IGNORING)('%s', (_, ignoring) => {
  it('inspect reads what is published', async () => {
    const { app, run, published } = await start();
    const shown = await run(['inspect', '--raw', ...ignoring(`${app}:1`)]);
    expect(shown).toMatchObject({ code: 0, stdout: published, stderr: '' });
    expect(await run(['inspect', ...ignoring(`${app}:1`), ...requirePair])).toMatchObject({
      code: 0,
      stderr: '',
    });
    expect(await run(['inspect', ...ignoring(`${app}:1`), '--require=linux/s390x'])).toMatchObject({
      code: 5,
      stderr: expect.stringContaining(`error: ${app}:1 has no image for linux/s390x`),
    });
  });

  it.each([
    ['its platform', () => 'linux/arm64'],
    ['its digest', () => arm64.manifest.digest],
    ['a tag that points to it', (app: string) => `${app}:arm64`],
    ['its digest reference', (app: string) => `${app}@${arm64.manifest.digest}`],
  ])('inspect LIST IMAGE reads one published image by %s', async (_what, image) => {
    const { app, run } = await start();
    const [list = '', ...flags] = ignoring(`${app}:1`);
    const shown = await run(['inspect', '--raw', list, image(app), ...flags]);
    expect(shown.stderr).toBe('');
    expect(shown.bytes.equals(arm64.manifest.bytes)).toBe(true);
  });

  it.each([
    ['linux/s390x', 'It has linux/amd64, linux/arm64'],
    [s390x.manifest.digest, 'does not have it'],
  ])('inspect LIST IMAGE does not find %s, which only the draft has', async (image, hint) => {
    const { app, run } = await start();
    const [list = '', ...flags] = ignoring(`${app}:1`);
    const result = await run(['inspect', list, image, ...flags]);
    expect(result).toMatchObject({ code: 3, stdout: '' });
    expect(result.stderr).toMatch(`No such manifest: ${image}\n`);
    expect(result.stderr).toContain(hint);
  });

  it('validate reads what is published', async () => {
    const { app, run } = await start();
    const { stdout } = await run(['validate', ...ignoring(`${app}:1`)]);
    expect(stdout).toBe(`${app}:1: valid image-index (${pair.digest}, 2 manifests)\n`);
  });

  it('diff reads what is published', async () => {
    const { app, run } = await start();
    const { code, stdout } = await run(['diff', ...ignoring(`${app}:1`), `${app}@${pair.digest}`]);
    expect(code).toBe(0);
    expect(stdout).toContain(`Before:   ${app}:1 `);
  });

  it('diff needs the other side', async () => {
    const { app, run } = await start();
    const result = await run(['diff', ...ignoring(`${app}:1`)]);
    expect(result).toMatchObject({ code: 125, stdout: '' });
    expect(result.stderr).toContain('ignores drafts, so diff needs two names\nhint: Name the other side');
  });

  it('copy reads what is published, without a warning about the draft', async () => {
    const { app, run, registry } = await start();
    const [source = '', ...flags] = ignoring(`${app}:1`);
    const copied = await run(['copy', source, `${app}:copy`, ...flags]);
    expect(copied).toMatchObject({ code: 0, stdout: `${pair.digest}\n` });
    expect(copied.stderr).not.toContain('warning');
    expect(registry.manifest('app', 'copy')?.digest).toBe(pair.digest);
  });

  it.each([
    ['inspect', []],
    ['inspect', ['--require', 'linux/amd64']],
    ['inspect', ['--format', 'tree']],
    ['validate', []],
    ['validate', ['--json']],
  ])('%s %j does not find a name with only a draft, and says how to publish it', async (command, flags) => {
    const { app, run } = await start();
    const result = await run([command, ...ignoring(`${app}:never`), ...flags]);
    expect(result.code).toBe(3);
    if (!flags.includes('--json')) expect(result.stdout).toBe('');
    const push = `multiarch push ${app}:never`;
    expect(result.stderr).toContain(`hint: A draft of this name exists: publish it with ${push}\n`);
  });

  it.each([
    ['diff', (side: readonly string[], app: string) => [...side, `${app}:1`]],
    ['copy', ([source = '', ...flags]: readonly string[], app: string) => [source, `${app}:c`, ...flags]],
    ['inspect', ([list = '', ...flags]: readonly string[]) => [list, 'linux/amd64', ...flags]],
  ])('%s does not find a name with only a draft either', async (command, argv) => {
    const { app, run } = await start();
    const result = await run([command, ...argv(ignoring(`${app}:never`), app)]);
    expect(result).toMatchObject({ code: 3, stdout: '' });
    expect(result.stderr).toContain(`multiarch push ${app}:never`);
  });

  it('says that a draft cannot be pushed yet', async () => {
    const { app, run } = await start();
    await run(['create', `${app}:never`, `${app}:amd64`, `${app}@${amd64.manifest.digest}`, '--amend']);
    const { stderr } = await run(['inspect', ...ignoring(`${app}:never`)]);
    expect(stderr).toMatch(/hint: A draft of this name exists, but cannot be pushed yet: duplicate platform/);
  });
});

it('copy reads what is published for a plain name too, and warns of a draft that differs', async () => {
  const { app, run } = await start();
  const copied = await run(['copy', `${app}:1`, `${app}:copy`]);
  expect(copied).toMatchObject({ code: 0, stdout: `${pair.digest}\n` });
  expect(copied.stderr).toContain(`warning: the draft ${app}:1 is not copied`);
  const failed = await run(['copy', `${app}:never`, `${app}:copy`]);
  expect(failed).toMatchObject({ code: 3, stderr: expect.stringContaining(`multiarch push ${app}:never`) });
});

it('copy does not warn of a draft that is what is published', async () => {
  const { app, run } = await start();
  await run(['push', `${app}:1`]);
  const { code, stderr } = await run(['copy', `${app}:1`, `${app}:copy`]);
  expect({ code, warns: stderr.includes('warning') }).toEqual({ code: 0, warns: false });
});

it('create reads its sources from the registry, whatever drafts exist', async () => {
  const { app, run, registry } = await start();
  for (const source of [`${app}:1`, `docker://${app}:1`]) {
    const { code } = await run(['create', `${app}:2`, source, '--push', '--purge', '--expect-current=any']);
    expect(code).toBe(0);
    const { manifests } = JSON.parse(registry.manifest('app', '2')?.bytes.toString() ?? '') as {
      manifests: { digest: string }[];
    };
    expect(manifests.map(({ digest }) => digest)).toEqual([amd64.manifest.digest, arm64.manifest.digest]);
  }
});

it.each([
  ['a source', (app: string) => [`${app}:never`]],
  ['one of several sources', (app: string) => [`${app}:arm64`, `docker://${app}:never`]],
  ['--from', (app: string) => ['--from', `${app}:never`]],
])('create says that %s is only a draft', async (_, sources) => {
  const { app, run } = await start();
  for (const push of [[], ['--push']]) {
    const { code, stderr } = await run(['create', `${app}:2`, ...sources(app), ...push]);
    expect(code).toBe(3);
    expect(stderr).toContain(
      `hint: A draft of this name exists: publish it with multiarch push ${app}:never\n`,
    );
  }
});

it('create says so of each source that is only a draft', async () => {
  const { app, run } = await start();
  await run(['create', `${app}:neither`, `${app}:arm64`]);
  const { code, stderr } = await run(['create', `${app}:2`, `${app}:never`, `${app}:neither`]);
  expect(code).toBe(3);
  for (const tag of ['never', 'neither']) expect(stderr).toContain(`with multiarch push ${app}:${tag})`);
});

it('inspect LIST IMAGE without a draft names --published', async () => {
  const { app, run } = await start();
  const { code, stderr } = await run(['inspect', `${app}:amd64`, 'linux/amd64']);
  expect(code).toBe(3);
  expect(stderr).toMatch(`No such manifest: ${app}:amd64\nhint: Run \`multiarch ls\``);
  expect(stderr).toContain('--published');
});

describe('the draft of a layout', () => {
  async function startLayout() {
    const made = await start();
    const { app, directory, run } = made;
    const layout = `oci:${join(directory, 'layout')}`;
    await run(['create', `${layout}:1`, `${app}:s390x`]);
    return { ...made, layout };
  }

  it('is ignored with --published', async () => {
    const { directory, layout, run, published } = await startLayout();
    await writeLayout(join(directory, 'layout'), pair, '1');
    expect((await run(['inspect', '--raw', `${layout}:1`])).stdout).not.toBe(published);
    expect((await run(['inspect', '--raw', `${layout}:1`, '--published'])).stdout).toBe(published);
    expect(await run(['diff', `${layout}:1`])).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^added +linux\/s390x/m),
    });
  });

  it.each([[[] as string[]], [['elsewhere']]])(
    'is named if nothing is published, in a layout with %j',
    async (tags) => {
      const { directory, layout, run } = await startLayout();
      for (const tag of tags) await writeLayout(join(directory, 'layout'), pair, tag);
      const { code, stderr } = await run(['inspect', `${layout}:1`, '--published']);
      expect(code).toBe(3);
      expect(stderr).toContain(`publish it with multiarch push ${layout}:1\n`);
    },
  );
});

describe('--json', () => {
  const stateOf = (text: string): unknown => (JSON.parse(text) as { state?: unknown }).state;

  it.each([
    ['draft', []],
    ['published', ['--published']],
  ])('of inspect and validate has the state %s', async (state, flags) => {
    const { app, run } = await start();
    const config = ['--config', '--platform', state === 'draft' ? 'linux/s390x' : 'linux/amd64'];
    const image = state === 'draft' ? 'linux/s390x' : 'linux/amd64';
    for (const argv of [
      ['inspect', `${app}:1`],
      ['inspect', `${app}:1`, image],
      ['inspect', `${app}:1`, ...config],
      ['inspect', `${app}:1`, image, '--verbose'],
      ['validate', `${app}:1`],
    ]) {
      const { code, stdout } = await run([...argv, ...flags, '--json']);
      expect({ code, state: stateOf(stdout) }, argv.join(' ')).toEqual({ code: 0, state });
    }
    const { stdout } = await run(['inspect', '-v', `${app}:1`, ...flags, '--json']);
    expect(stateOf(stdout)).toBe(state);
  });

  it('of inspect has the document as a member', async () => {
    const { app, run, published } = await start();
    const { stdout } = await run(['inspect', `${app}:1`, '--published', '--json']);
    expect(JSON.parse(stdout)).toEqual({
      ...OK,
      reference: `${app}:1`,
      state: 'published',
      descriptor: { mediaType: pair.mediaType, digest: pair.digest, size: pair.bytes.length },
      document: JSON.parse(published) as unknown,
    });
  });

  it('of validate has no state for a file and for standard input', async () => {
    const { run, published } = await start();
    const { stdout } = await run(['validate', '-', '--json'], { stdin: published });
    expect(JSON.parse(stdout)).not.toHaveProperty('state');
  });

  it.each([
    [[], 'draft', 'draft'],
    [['--published'], 'published', 'published'],
  ])('of diff %j has the state of both sides', async (flags, before, after) => {
    const { app, run } = await start();
    const { stdout } = await run(['diff', `${app}:1`, `${app}:1`, ...flags, '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ before: { state: before }, after: { state: after } });
  });

  it('of diff with one name has both states, and none for a file', async () => {
    const { app, run, published } = await start();
    const one = await run(['diff', `${app}:1`, '--json']);
    expect(JSON.parse(one.stdout)).toMatchObject({
      before: { digest: pair.digest, state: 'published' },
      after: { state: 'draft' },
    });
    const file = await run(['diff', '-', `${app}:1`, '--json'], { stdin: published });
    expect((JSON.parse(file.stdout) as { before: object }).before).not.toHaveProperty('state');
  });

  it.each([[[]], [['--dry-run']]])('of copy %j has the tag', async (flags) => {
    const { app, run } = await start();
    const { stdout } = await run(['copy', `${app}:1`, `${app}:copy`, '--json', ...flags]);
    expect(JSON.parse(stdout)).toMatchObject({
      tags: [{ reference: `${app}:copy`, digest: pair.digest }],
    });
  });
});

it('push --require checks the draft, which is its purpose, without a warning', async () => {
  const { app, run } = await start();
  const { code, stderr } = await run(['push', `${app}:1`, '--require', 'linux/s390x']);
  expect({ code, warns: stderr.includes('warning') }).toEqual({ code: 0, warns: false });
});

it('a name docker://REF is never a file', async () => {
  const { app, run, registry } = await start();
  registry.put('app', tinyIndex([amd64]), 'v1.json');
  const { code, stdout } = await run(['validate', `docker://${app}:v1.json`]);
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout: expect.stringContaining(`${app}:v1.json: valid image-index`),
  });
});
