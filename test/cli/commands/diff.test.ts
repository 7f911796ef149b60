import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { failure } from '../../support/fake-server.js';
import { amd64, arm64, attested, pair as one } from '../../support/images.js';
import { startCommandLine } from '../../support/in-process.js';
import { tinyImage, tinyIndex, writeLayout } from '../../support/tiny-image.mjs';

const newer = tinyImage({ architecture: 'amd64', text: 'newer\n' });
const two = tinyIndex([newer, arm64]);

type Started = Awaited<ReturnType<typeof startCommandLine>>;
/** Creates a draft, and returns its name. */
type Create = (name: string) => Promise<string>;

/** `1` and `2` have different images for amd64. */
const images = { 1: one, 2: two, newer };

describe('diff', () => {
  it('prints the differences as a table, and exits with 1', async () => {
    const { app, run } = await startCommandLine({ images });
    const { code, stdout, stderr } = await run(['diff', `${app}:1`, `${app}:2`]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    expect(stdout).toContain(`Before:   ${app}:1   ${one.digest}\n`);
    expect(stdout).toMatch(/^changed {3}linux\/amd64 {3}digest/m);
    expect(stdout).toContain(`+ ${newer.manifest.digest}`);
    expect(stdout).not.toContain('linux/arm64');
  });

  it.each([['--json'], ['--format', 'json']])('prints JSON: %s %s', async (...flags) => {
    const { app, run } = await startCommandLine({ images });
    const { code, stdout } = await run(['diff', `${app}:1`, `${app}:2`, ...flags.filter(Boolean)]);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      same: false,
      platforms: { added: [], removed: [], changed: [{ platform: { architecture: 'amd64' } }] },
    });
  });

  it('accepts drafts, tags, digests, layouts, files and standard input, and exits with 0 if they are identical', async () => {
    const { app, directory, run } = await startCommandLine({ images });
    await writeLayout(join(directory, 'layout'), one, 'v1');
    await writeFile(join(directory, 'one.json'), one.bytes);
    const sides = [
      `${app}:1`,
      `${app}@${one.digest}`,
      `oci:${directory}/layout:v1`,
      join(directory, 'one.json'),
      '-',
    ];
    for (const side of sides) {
      const result = await run(['diff', `${app}:1`, side], { stdin: one.bytes });
      expect(result, side).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('The two are identical.'),
      });
    }
    await run(['create', `${app}:draft`, `${app}:2`]);
    const { code, stdout } = await run(['diff', `${app}:1`, `${app}:draft`]);
    expect(code).toBe(1);
    expect(stdout).toContain(`After:    the draft ${app}:draft `);
  });

  it('compares a draft with its published version if one name is given', async () => {
    const { app, run } = await startCommandLine({ images });
    await run(['create', `${app}:1`, `${app}:2`]);
    const { code, stdout } = await run(['diff', `${app}:1`]);
    expect(code).toBe(1);
    expect(stdout).toMatch(new RegExp(`^Before: {3}${app}:1 .*\nAfter: {4}the draft ${app}:1 `));
    expect(stdout).toContain(`- ${amd64.manifest.digest}`);
    expect(stdout).toContain(`+ ${newer.manifest.digest}`);
  });

  it.each([
    [
      'a repository that does not exist',
      async ({ host }: Started, create: Create) => create(`${host}/new:1`),
    ],
    ['a tag that does not exist', async ({ app }: Started, create: Create) => create(`${app}:new`)],
    [
      'a layout that does not exist',
      async ({ directory }: Started, create: Create) => create(`oci:${directory}/layout:1`),
    ],
    [
      'a tag that the layout does not have',
      async ({ directory }: Started, create: Create) => {
        await writeLayout(join(directory, 'layout'), one, 'other');
        return create(`oci:${directory}/layout`);
      },
    ],
    [
      'an archive that does not exist',
      async ({ directory }: Started, create: Create) => create(`oci-archive:${directory}/a.tar:1`),
    ],
  ])('before the first release shows everything as added: %s', async (_, prepare) => {
    const started = await startCommandLine({ images: { attested } });
    const { app, run } = started;
    const list = await prepare(started, async (name) => {
      const { code } = await run(['create', name, `${app}:attested`, '--annotation', 'a=b']);
      expect(code).toBe(0);
      return name;
    });
    const { code, stdout, stderr } = await run(['diff', list]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    expect(stdout).toMatch(/^Before: +.*\(not published yet\) *\nAfter: +the draft /);
    const changes = stdout.split('\n').slice(4).filter(Boolean);
    expect(changes.filter((line) => !/^(added| ) /.test(line))).toEqual([]);
    expect(changes.filter((line) => /^added +(linux|attestation)/.test(line))).toHaveLength(4);
    expect(stdout).toMatch(/annotation a +\+ b/);

    const json = await run(['diff', list, '--json']);
    expect(json.code).toBe(1);
    const found = JSON.parse(json.stdout) as { platforms: { added: unknown[] } };
    expect(found).not.toHaveProperty('before');
    expect(found).toMatchObject({
      same: false,
      after: { state: 'draft' },
      platforms: { removed: [], changed: [] },
      attestations: { removed: [], changed: [] },
    });
    expect(found.platforms.added).toHaveLength(2);
  });

  it('keeps other errors if one name is given', async () => {
    const { app, run } = await startCommandLine({
      images,
      registry: {
        fault: (request, next) =>
          Promise.resolve(request.path.endsWith('/denied') ? failure(403, 'DENIED', 'denied') : next()),
      },
    });
    await run(['create', `${app}:denied`, `${app}:2`]);
    expect((await run(['diff', `${app}:denied`])).code).toBe(4);
    await run(['rm', `${app}:denied`]);
    expect((await run(['diff', `${app}:nowhere`])).code).toBe(3);
  });

  it('compares an image with its index', async () => {
    const { app, run } = await startCommandLine({ images });
    const { code, stdout } = await run(['diff', `${app}:newer`, `${app}:2`, '--json']);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      platforms: { added: [{ platform: { architecture: 'arm64' } }], removed: [], changed: [] },
    });
  });

  it.each([
    [(app: string) => [`${app}:1`, `${app}:nowhere`], 3, 'nowhere'],
    [(app: string) => [`${app}:1`], 125, 'no draft'],
    [() => ['-', '-'], 125, 'standard input can only be one of the two sides'],
    [(app: string) => [`${app}:1`, './missing.json'], 3, 'no such file'],
    [(app: string) => [`${app}:1`, '-'], 5, 'standard input is not'],
  ])('exits with the code of the error', async (argv, code, message) => {
    const { app, run } = await startCommandLine({ images });
    const result = await run(['diff', ...argv(app)], { stdin: 'not JSON' });
    expect(result).toMatchObject({ code, stdout: '', stderr: expect.stringContaining(message) });
  });

  it('rejects a table with --json', async () => {
    const { run } = await startCommandLine();
    const { code, stderr } = await run(['diff', 'app:1', 'app:2', '--format', 'table', '--json']);
    expect({ code, stderr }).toEqual({
      code: 125,
      stderr: 'error: --format table and --json exclude each other\n',
    });
  });
});
