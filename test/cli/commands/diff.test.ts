import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { amd64, arm64, pair as one } from '../../support/images.js';
import { startCommandLine } from '../../support/in-process.js';
import { tinyImage, tinyIndex, writeLayout } from '../../support/tiny-image.mjs';

const newer = tinyImage({ architecture: 'amd64', text: 'newer\n' });
const two = tinyIndex([newer, arm64]);

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
    [(app: string) => [`${app}:1`, `${app}:2`, '--format', 'table', '--json'], 125, 'exclude each other'],
  ])('exits with the code of the error', async (argv, code, message) => {
    const { app, run } = await startCommandLine({ images });
    const result = await run(['diff', ...argv(app)], { stdin: 'not JSON' });
    expect(result).toMatchObject({ code, stdout: '', stderr: expect.stringContaining(message) });
  });
});
