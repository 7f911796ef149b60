import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { amd64, pair } from '../../support/images.js';
import { startCommandLine } from '../../support/in-process.js';

/** A command line that has read all images of an index. */
async function start() {
  const commandLine = await startCommandLine({ images: { pair, amd64 } });
  const directory = join(commandLine.directory, 'cache', 'multiarch');
  const inspect = ['inspect', '--verbose', `${commandLine.app}:pair`];
  const requests = async (args: readonly string[]): Promise<number> => {
    commandLine.registry.clearLog();
    expect((await commandLine.run(args)).code).toBe(0);
    return commandLine.registry.requests.length;
  };
  return { ...commandLine, directory, inspect, requests };
}

describe('multiarch cache', () => {
  it('shows what is kept, and clear removes it', async () => {
    const { run, inspect, directory, requests } = await start();
    const cold = await requests(inspect);
    expect(cold).toBeGreaterThan(1);
    expect(await requests(inspect)).toBe(1);

    const shown = await run(['cache']);
    expect(shown).toMatchObject({ code: 0, stderr: '' });
    expect(shown.stdout).toMatch(
      /^\/.*\/cache\/multiarch:\n {2}content: manifests and configs, 3 files, \d\.\d kB\n {2}code: /,
    );
    const json = JSON.parse((await run(['cache', '--json'])).stdout) as Record<string, unknown>;
    expect(json).toMatchObject({
      directory,
      files: 3,
      parts: [
        { name: 'content', files: 3 },
        { name: 'code' },
        { name: 'tags' },
        { name: 'token-servers.json' },
      ],
    });

    const cleared = await run(['cache', 'clear']);
    expect(cleared.stdout).toBe(`Removed from ${shown.stdout}`);
    expect(await readdir(join(directory, '..'))).toEqual([]);
    expect((await run(['cache', 'clear', '--json'])).stdout).toContain('"files": 0');
    expect(await requests(inspect)).toBe(cold);
  });

  it('clear removes compiled code, and leaves other files alone', async () => {
    const { run, directory } = await start();
    await mkdir(join(directory, 'code', 'below'), { recursive: true, mode: 0o700 });
    await chmod(directory, 0o700);
    await writeFile(join(directory, 'code', 'below', 'file'), 'code');
    await writeFile(join(directory, 'mine'), 'kept');

    const { stdout } = await run(['cache', 'clear']);

    expect(stdout).toContain('code: compiled code of the program, 1 file, 4 B');
    expect(await readdir(directory)).toEqual(['mine']);
  });

  it.each([
    [['cache', 'empty'], 'error: unknown action: empty'],
    [['cache', 'clear', 'all'], 'error: too many arguments for cache: all'],
    [['cache', '--no-cache'], 'error: this client keeps no cache'],
  ])('rejects %j', async (args, message) => {
    const { run } = await start();
    const { code, stderr } = await run(args);
    expect(stderr).toContain(message);
    expect(code).toBe(125);
  });

  it.runIf(process.platform !== 'win32')('does not clear a folder that others can write to', async () => {
    const { run, directory } = await start();
    await mkdir(join(directory, 'content'), { recursive: true });
    await chmod(directory, 0o777);
    const { code, stderr } = await run(['cache', 'clear']);
    expect(stderr).toContain(`error: cannot use ${directory}: other users can write to it`);
    expect(code).toBe(1);
    expect(await readdir(directory)).toEqual(['content']);
  });
});

describe('--no-cache', () => {
  it('asks for everything, and keeps nothing', async () => {
    const { inspect, requests, directory } = await start();
    const cold = await requests([...inspect, '--no-cache']);
    expect(cold).toBeGreaterThan(1);
    expect(await readdir(join(directory, '..')).catch(() => [])).toEqual([]);

    await requests(inspect);
    expect(await requests([...inspect, '--no-cache'])).toBe(cold);
    expect(await requests([...inspect, '--no-cache=false'])).toBe(1);
  });
});

describe('a cache that cannot be used', () => {
  it('is one line of --debug, and changes nothing else', async () => {
    const { run, inspect, directory } = await start();
    const expected = await run(inspect);
    await run(['cache', 'clear']);
    await writeFile(directory, 'a file');

    expect(await run(inspect)).toEqual(expected);
    const { code, stderr } = await run([...inspect, '--debug']);
    expect(code).toBe(0);
    expect(stderr.split('\n').filter((line) => line.startsWith('= cache: '))).toEqual([
      expect.stringMatching(/^= cache: cannot use .*\/cache\/multiarch: /),
    ]);
  });
});
