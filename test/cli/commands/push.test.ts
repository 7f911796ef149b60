import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { amd64, arm64 } from '../../support/images.js';
import { makeCommandLine, OK, startCommandLine } from '../../support/in-process.js';
import { tinyImage } from '../../support/tiny-image.mjs';

/** A draft of two images, whose repository is not the list's. */
async function start() {
  const commandLine = await startCommandLine({ path: 'build', images: { amd64, arm64 } });
  const { registry, host, app } = commandLine;
  const list = `${app}:1`;
  await commandLine.run(['create', list, `${host}/build:amd64`, `${host}/build:arm64`]);
  const pushed = (): string => registry.manifest('app', '1')?.digest ?? 'none';
  return { list, pushed, ...commandLine };
}

const pushedRef = (repository: string, { digest }: { digest: string }): string =>
  `Pushed ref ${repository}@${digest} with digest: ${digest}\n`;

describe('push', () => {
  it('prints a line for each pushed child, and the digest last', async () => {
    const { host, list, pushed, run } = await start();
    const { code, stdout, stderr } = await run(['push', list]);
    expect(code).toBe(0);
    const children = [amd64, arm64].map(({ manifest }) => pushedRef(`${host}/app`, manifest));
    expect(stdout).toBe(`${children.join('')}${pushed()}\n`);
    expect(stderr).toContain(`Pushed ${host}/app@${amd64.manifest.digest}\n`);
    expect(stderr.endsWith(`Tagged ${host}/app:1\n`)).toBe(true);
  });

  it('prints only the digest if nothing was pushed', async () => {
    const { list, pushed, run } = await start();
    await run(['push', list]);
    const { code, stdout, stderr } = await run(['push', list]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: `${pushed()}\n` });
    expect(stderr).toBe(`${list} is already up to date\n`);
  });

  it('prints only the digest with --quiet', async () => {
    const { list, pushed, run } = await start();
    const { code, stdout, stderr } = await run(['push', '-q', list]);
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: `${pushed()}\n`, stderr: '' });
  });

  it.each([['--json'], ['--json', '-q']])('prints the result with %s %s', async (...flags) => {
    const { registry, host, list, pushed, run } = await start();
    const { stdout } = await run(['push', list, '--tag', 'v1', ...flags]);
    const repository = `${host}/app`;
    const { mediaType, bytes } = registry.manifest('app', '1') ?? { mediaType: '', bytes: Buffer.alloc(0) };
    expect(JSON.parse(stdout)).toEqual({
      ...OK,
      reference: `${repository}:1`,
      state: 'published',
      descriptor: { mediaType, digest: pushed(), size: bytes.length },
      references: [`${repository}:1`, `${repository}:v1`],
      platforms: expect.any(Object),
      pushed: [amd64, arm64].map(({ manifest: { digest } }) => `${repository}@${digest}`),
      tags: [
        { reference: `${repository}:1`, digest: pushed(), outcome: 'moved' },
        { reference: `${repository}:v1`, digest: pushed(), outcome: 'moved' },
      ],
    });
    const again = JSON.parse((await run(['push', list, ...flags])).stdout) as object;
    expect(again).toMatchObject({
      pushed: [],
      tags: [{ reference: `${repository}:1`, previous: pushed(), digest: pushed(), outcome: 'unchanged' }],
    });
  });

  it('moves further tags in this and other repositories, with all forms of the flag', async () => {
    const { registry, host, list, pushed, directory, run } = await start();
    const elsewhere = ['-tv2', '-t', `${host}/other:1.10`, `--tag=oci:${directory}/layout:v1`];
    const { code, stdout } = await run(['push', '--tag', 'v1', list, ...elsewhere]);
    expect(code).toBe(0);
    expect(stdout.trimEnd().split('\n').at(-1)).toBe(pushed());
    const digests = [
      registry.manifest('app', 'v1'),
      registry.manifest('app', 'v2'),
      registry.manifest('other', '1.10'),
    ];
    expect(digests.map((found) => found?.digest)).toEqual([pushed(), pushed(), pushed()]);
    const { stdout: inLayout } = await run(['inspect', '--raw', `oci:${directory}/layout:v1`]);
    expect(inLayout).toBe(registry.manifest('app', '1')?.bytes.toString());
  });

  it.each(['', ' ', '-x', 'app/UPPER:1', 'a:b:c'])('rejects the tag %j and pushes nothing', async (tag) => {
    const { list, pushed, run } = await start();
    expect(await run(['push', list, `--tag=${tag}`])).toMatchObject({ code: 125, stdout: '' });
    expect(pushed()).toBe('none');
  });

  it('keeps the draft without --purge', async () => {
    const { list, run } = await start();
    await run(['push', list]);
    expect((await run(['ls', '-q'])).stdout).toBe(`${list}\n`);
    await run(['push', list, '-p']);
    expect((await run(['ls', '-q'])).stdout).toBe('');
  });

  it('keeps the draft with --purge=false', async () => {
    const { list, run } = await start();
    await run(['push', list, '--purge=false']);
    expect((await run(['ls', '-q'])).stdout).toBe(`${list}\n`);
  });

  it('rejects two images of one platform unless allowed', async () => {
    const { registry, host, list, pushed, run } = await start();
    registry.put('build', tinyImage({ architecture: 'amd64', text: 'other' }), 'other');
    await run(['create', list, '--amend', `${host}/build:other`]);
    const rejected = await run(['push', list]);
    expect(rejected).toMatchObject({ code: 5, stdout: '' });
    expect(rejected.stderr).toContain('linux/amd64');
    expect(rejected.stderr).toContain('hint: ');
    expect(pushed()).toBe('none');
    expect((await run(['push', list, '--allow-duplicate-platforms'])).code).toBe(0);
  });

  it("reports a missing platform with docker's message", async () => {
    const { registry, host, run } = await start();
    registry.put('build', tinyImage({ architecture: 'amd64', omitPlatform: true }), 'odd');
    const list = `${host}/app:2`;
    await run(['create', list, `${host}/build:odd`]);
    const { code, stderr } = await run(['push', list]);
    expect(code).toBe(5);
    expect(stderr).toMatch(
      /^manifest \S+\/build\S* must have an OS and Architecture to be pushed to a registry\nhint: /,
    );
  });

  it('publishes into a layout', async () => {
    const { host, directory, run } = await start();
    const list = `oci:${join(directory, 'published')}:1.10`;
    await run(['create', list, `${host}/build:amd64`]);
    const { code, stdout } = await run(['push', list]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Pushed ref oci:\S+ with digest: sha256:\w{64}\nsha256:\w{64}\n$/);
    expect(JSON.parse((await run(['inspect', list])).stdout)).toMatchObject({ manifests: [{}] });
  });

  it('reports the directory of the drafts for a missing one', async () => {
    const { run } = await makeCommandLine();
    const { code, stdout, stderr } = await run(['push', 'nowhere:1']);
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(stderr).toMatch(/^No such manifest: \S*nowhere:1\nhint: /);
  });
});
