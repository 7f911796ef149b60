import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { makeCommandLine } from '../../support/in-process.js';
import { startRegistry } from '../../support/open-repository.js';
import { tinyImage, tinyIndex } from '../../support/tiny-image.mjs';

const amd64 = tinyImage({ architecture: 'amd64' });
const other = tinyIndex([tinyImage({ architecture: 'amd64', text: 'other' })]);

/** A list whose tag held another index before it was pushed, without a draft now. */
async function start(...words: readonly string[]) {
  const registry = await startRegistry();
  registry.put('app', amd64, 'amd64');
  const list = `${registry.host}/app:1`;
  const before = registry.put('app', other, '1');
  const commandLine = await makeCommandLine();
  await commandLine.run(['create', list, `${registry.host}/app:amd64`, '--push', '--purge', ...words]);
  const held = (tag = '1'): string => registry.manifest('app', tag)?.digest ?? 'none';
  return { registry, list, before, pushed: held(), held, ...commandLine };
}

describe('undo', () => {
  it('prints each tag with the digest that it holds again', async () => {
    const { registry, list, before, held, run } = await start('-t', 'new');
    const { code, stdout, stderr } = await run(['undo', list]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: `${list} ${before}\n` });
    expect(held()).toBe(before);
    expect(stderr).toContain(`Tagged ${list}\n`);
    expect(stderr).toContain(`warning: ${registry.host}/app:new did not exist before that push, and stays`);
  });

  it('prints the same in a dry run, and puts nothing back', async () => {
    const { list, before, pushed, held, run } = await start();
    const { code, stdout } = await run(['undo', list, '--dry-run']);
    expect({ code, stdout }).toEqual({ code: 0, stdout: `${list} ${before}\n` });
    expect(held()).toBe(pushed);
  });

  it('with --json says what became of every tag', async () => {
    const { registry, list, before, pushed, run } = await start('-t', 'new');
    const expected = {
      undone: pushed,
      tags: [
        { reference: `${registry.host}/app:new`, outcome: 'kept' },
        { reference: list, outcome: 'moved', digest: before },
      ],
    };
    expect(JSON.parse((await run(['undo', list, '--dry-run', '--json'])).stdout)).toEqual(expected);
    expect(JSON.parse((await run(['undo', list, '--json'])).stdout)).toEqual(expected);
  });

  it('ends with 7 where the tag has moved since, and with 3 where there is nothing to go back to', async () => {
    const { registry, list, pushed, held, run } = await start();
    const moved = registry.put('app', tinyIndex([amd64]), '1');
    const { code, stderr } = await run(['undo', list]);
    expect(code).toBe(7);
    expect(stderr).toContain(`has moved since that push: it holds ${moved}, not ${pushed}\nhint: `);
    expect(held()).toBe(moved);

    registry.put('app', other, '1');
    expect((await run(['undo', list])).code).toBe(0);
    expect(await run(['undo', list])).toMatchObject({ code: 3, stdout: '' });
  });

  it('ends with 5 and names the file where the history is damaged', async () => {
    const { list, directory, pushed, held, run } = await start();
    const store = join(directory, 'drafts');
    const [name = ''] = await readdir(store);
    expect(name).toMatch(/\.history$/);
    await writeFile(join(store, name), '{}');
    const { code, stderr } = await run(['undo', list]);
    expect(code).toBe(5);
    expect(stderr).toContain(`the history in ${join(store, name)} is not valid`);
    expect(held()).toBe(pushed);
  });
});
