import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { amd64 } from '../../support/images.js';
import { OK, startCommandLine } from '../../support/in-process.js';
import { tinyImage, tinyIndex } from '../../support/tiny-image.mjs';

const other = tinyIndex([tinyImage({ architecture: 'amd64', text: 'other' })]);

/** A list whose push replaced another index at the tag; its draft is deleted. */
async function start(...args: readonly string[]) {
  const { registry, app, directory, run } = await startCommandLine({ images: { amd64 } });
  const list = `${app}:1`;
  const before = registry.put('app', other, '1');
  await run(['create', list, `${app}:amd64`, '--push', '--purge', ...args]);
  const current = (tag = '1'): string => registry.manifest('app', tag)?.digest ?? 'none';
  return { registry, list, before, pushed: current(), current, directory, run };
}

describe('undo', () => {
  it('prints each tag with its restored digest', async () => {
    const { registry, list, before, current, run } = await start('-t', 'new');
    const { code, stdout, stderr } = await run(['undo', list]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: `${list} ${before}\n` });
    expect(current()).toBe(before);
    expect(stderr).toContain(`Tagged ${list}\n`);
    expect(stderr).toContain(
      `warning: ${registry.host}/app:new was created by that push and is left in place`,
    );
  });

  it('prints the same with --dry-run, and changes nothing', async () => {
    const { list, before, pushed, current, run } = await start();
    const { code, stdout } = await run(['undo', list, '--dry-run']);
    expect({ code, stdout }).toEqual({ code: 0, stdout: `${list} ${before}\n` });
    expect(current()).toBe(pushed);
  });

  it('prints the outcome of each tag with --json', async () => {
    const { registry, list, before, pushed, run } = await start('-t', 'new');
    const expected = {
      ...OK,
      undone: pushed,
      tags: [
        { reference: `${registry.host}/app:new`, outcome: 'kept' },
        { reference: list, outcome: 'moved', digest: before, previous: pushed },
      ],
    };
    expect(JSON.parse((await run(['undo', list, '--dry-run', '--json'])).stdout)).toEqual({
      ...expected,
      dryRun: true,
    });
    expect(JSON.parse((await run(['undo', list, '--json'])).stdout)).toEqual(expected);
  });

  it('exits with 7 if the tag has moved since, and with 3 without a previous push', async () => {
    const { registry, list, pushed, current, run } = await start();
    const moved = registry.put('app', tinyIndex([amd64]), '1');
    const { code, stderr } = await run(['undo', list]);
    expect(code).toBe(7);
    expect(stderr).toContain(`has moved since that push: it points to ${moved}, not ${pushed}\nhint: `);
    expect(current()).toBe(moved);

    registry.put('app', other, '1');
    expect((await run(['undo', list])).code).toBe(0);
    expect(await run(['undo', list])).toMatchObject({ code: 3, stdout: '' });
  });

  it('exits with 5 and reports the file of a damaged history', async () => {
    const { list, directory, pushed, current, run } = await start();
    const store = join(directory, 'drafts');
    const [name = ''] = await readdir(store);
    expect(name).toMatch(/\.history$/);
    await writeFile(join(store, name), '{}');
    const { code, stderr } = await run(['undo', list]);
    expect(code).toBe(5);
    expect(stderr).toContain(`the history in ${join(store, name)} is not valid`);
    expect(current()).toBe(pushed);
  });
});
