import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it, onTestFinished } from 'vitest';

import { imagesOf, seedImages } from '../support/architectures.js';
import type { MemoryRegistry } from '../support/memory-registry.js';
import { startRegistry } from '../support/open-repository.js';
import { multiarchProcess, type RunResult } from '../support/run.js';
import { makeSandbox } from '../support/sandbox.js';
import { snapshot } from '../support/snapshot.js';
import { tinyIndex } from '../support/tiny-image.mjs';

const images = imagesOf(2);

/** A command that is killed while the registry holds back the response to the write of a tag: `app/manifests/1.2`. */
async function start(write: string) {
  const sandbox = await makeSandbox();
  onTestFinished(() => sandbox.remove());
  let kill: (() => void) | undefined;
  const registry: MemoryRegistry = await startRegistry({
    fault: async ({ method, path }, next) => {
      const answer = await next();
      if (method !== 'PUT' || !path.endsWith(`/${write}`) || kill === undefined) return answer;
      kill();
      kill = undefined;
      return { fault: 'stall' };
    },
  });
  const sources = seedImages(registry, 'app', images);
  const list = `${registry.host}/app:1.2`;
  const run = (...args: readonly string[]): Promise<RunResult> => multiarchProcess(sandbox, args);
  const killed = (...args: readonly string[]): Promise<RunResult> =>
    multiarchProcess(sandbox, args, {
      onStart: (child) => {
        kill = () => void child.kill('SIGKILL');
      },
    });
  const tags = (): (string | undefined)[] =>
    ['1.2', 'latest'].map((name) => registry.manifest('app', name)?.digest);
  const { directory } = sandbox;
  return { registry, sources, list, run, killed, tags, directory, drafts: join(directory, 'drafts') };
}

describe('a process that is killed', () => {
  it('after its first tag has moved leaves a record, so that undo restores both tags', async () => {
    const { registry, sources, list, run, killed, tags } = await start('app/manifests/1.2');
    const before = ['1.2', 'latest'].map((tag) => registry.put('app', tinyIndex(images.slice(0, 1)), tag));
    const args = ['create', list, ...sources, '--push', '--tag', 'latest'];
    expect(await killed(...args)).toMatchObject({ signal: 'SIGKILL' });
    expect(tags()).not.toEqual(before);

    expect(await run(...args)).toMatchObject({ code: 0 });
    expect(await run('undo', list)).toMatchObject({ code: 0 });

    expect(tags()).toEqual(before);
  });

  // The order of the writes: the tags of the lists, then `latest` of each.
  it.each([
    ['app/manifests/1.2', 1],
    ['tools/manifests/1.2', 2],
    ['app/manifests/latest', 3],
    ['tools/manifests/latest', 4],
  ])('while several lists are published leaves all tags old or new, at %s', async (write, moved) => {
    const { registry, sources, run, killed, directory } = await start(write);
    const names = ['app', 'tools'].flatMap((path) => ['1.2', 'latest'].map((tag) => [path, tag] as const));
    const tags = (): (string | undefined)[] =>
      names.map(([path, tag]) => registry.manifest(path, tag)?.digest);
    for (const [path, tag] of names) registry.put(path, tinyIndex(images.slice(0, 1)), tag);
    const before = tags();
    const lists = ['app', 'tools'].map((path) => ({
      target: `${registry.host}/${path}:1.2`,
      tags: ['latest'],
      images: sources.map((source) => ({ source })),
    }));
    const file = join(directory, 'lists.json');
    await writeFile(file, JSON.stringify({ lists }));
    const args = ['create', '-f', file, '--push'];

    expect(await killed(...args)).toMatchObject({ signal: 'SIGKILL' });
    const between = tags();
    expect(await run('undo', `${registry.host}/tools:1.2`)).toMatchObject({ code: 0 });
    expect(tags()).toEqual(before);
    expect(await run(...args)).toMatchObject({ code: 0 });
    const after = tags();

    expect(between.filter((digest, index) => digest !== before[index])).toHaveLength(moved);
    for (const [index, digest] of between.entries()) expect([before[index], after[index]]).toContain(digest);
  });

  it.each([[[]], [['--keep-draft']], [['--amend']]])(
    'in create --push %j can be run again',
    async (flags) => {
      const { sources, list, run, killed, tags, drafts } = await start('app/manifests/1.2');
      const args = ['create', list, ...sources, '--push', ...flags];
      expect(await killed(...args)).toMatchObject({ signal: 'SIGKILL' });

      const { code, stdout, stderr } = await run(...args);

      expect({ code, stdout }, stderr).toEqual({ code: 0, stdout: `${tags()[0]}\n` });
      const kept = Object.keys(await snapshot(drafts)).filter((name) => name.endsWith('.json'));
      expect(kept).toHaveLength(flags.includes('--keep-draft') ? 1 : 0);
    },
  );
});
