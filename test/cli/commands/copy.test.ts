import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { amd64, arm64, attested as index } from '../../support/images.js';
import { OK, startCommandLine } from '../../support/in-process.js';
import { startRegistry } from '../../support/open-repository.js';
import { snapshot } from '../../support/snapshot.js';

/** An index in one registry, and another registry. */
async function start() {
  const { registry: from, app, ...commandLine } = await startCommandLine({ images: { 1: index } });
  const to = await startRegistry();
  const [source, target] = [`${app}:1`, `${to.host}/app:1.2`];
  const copied = (tag = '1.2'): string => to.manifest('app', tag)?.digest ?? 'none';
  return { from, to, source, target, copied, ...commandLine };
}

describe('copy', () => {
  it.each([[], ['-q']])('prints only the digest %s', async (...flags) => {
    const { source, target, copied, run } = await start();
    const { code, stdout, stderr } = await run(['copy', source, target, ...flags]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: `${index.digest}\n` });
    expect(copied()).toBe(index.digest);
    if (flags.length > 0) expect(stderr).toBe('');
    else expect(stderr.split('\n')).toContain(`Read ${source}: linux/amd64, linux/arm64`);
  });

  it('reports that the tag is already up to date', async () => {
    const { source, target, run } = await start();
    await run(['copy', source, target]);
    const { code, stdout, stderr } = await run(['copy', source, target]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: `${index.digest}\n` });
    expect(stderr).toContain(`${target} is already up to date\n`);
  });

  it.each([
    ['an image', ['--platform', 'linux/arm64'], arm64.manifest.digest, ['linux/arm64']],
    ['an index', [], index.digest, ['linux/amd64', 'linux/arm64']],
  ])('prints the result with --json: %s', async (_, flags, digest, platforms) => {
    const { to, source, target, run } = await start();

    const { stdout } = await run(['copy', source, target, '-t', 'stable', '--json', ...flags]);

    const { mediaType, bytes } = to.manifest('app', '1.2') ?? { mediaType: '', bytes: Buffer.alloc(0) };
    const printed = JSON.parse(stdout) as { platforms: object };
    expect(printed).toEqual({
      ...OK,
      reference: target,
      state: 'published',
      descriptor: { mediaType, digest, size: bytes.length },
      references: [target, `${to.host}/app:stable`],
      platforms: expect.any(Object),
      tags: [
        { reference: target, digest, outcome: 'moved' },
        { reference: `${to.host}/app:stable`, digest, outcome: 'moved' },
      ],
      pushed: expect.arrayContaining([`${to.host}/app@${arm64.manifest.digest}`]),
    });
    expect(Object.keys(printed.platforms)).toEqual(platforms);
  });

  it('includes the platform of an image with --json', async () => {
    const { from, target, run } = await start();
    const source = `${from.host}/app@${amd64.manifest.digest}`;
    const { stdout } = await run(['copy', source, target, '--json']);
    expect(JSON.parse(stdout)).toMatchObject({
      descriptor: { digest: amd64.manifest.digest },
      platforms: { 'linux/amd64': { digest: amd64.manifest.digest } },
      pushed: [expect.stringContaining(`@${amd64.manifest.digest}`)],
    });
  });

  it('leaves latest of a target without a tag alone if --tag is given', async () => {
    const { to, source, copied, directory, run } = await start();
    const metadata = join(directory, 'metadata.json');
    const argv = ['copy', source, `${to.host}/app`, '--tag', 'v1', '-tv2', '--metadata-file', metadata];
    const planned = await run([...argv, '--dry-run']);
    expect(planned.stdout).toContain(`${to.host}/app:v1 `);
    expect(planned.stdout).not.toContain(':latest');
    expect(planned.stdout).toContain('2 tags to move');
    expect((await run(argv)).stdout).toBe(`${index.digest}\n`);
    expect([copied('v1'), copied('v2'), copied('latest')]).toEqual([index.digest, index.digest, 'none']);
    expect(JSON.parse(await readFile(metadata, 'utf8'))).toMatchObject({
      references: [`${to.host}/app:v1`, `${to.host}/app:v2`],
    });
    expect((await run(['undo', `${to.host}/app:v1`])).stderr).toContain('did not exist before');
  });

  it('copies selected platforms, and drops attestations', async () => {
    const { to, source, target, run } = await start();
    const args = ['--platform', 'linux/arm64', '--platform=linux/amd64', '--attestations', 'drop'];
    const { code, stdout } = await run(['copy', ...args, source, target]);
    expect(code).toBe(0);
    const found = to.manifest('app', '1.2');
    expect(stdout).toBe(`${found?.digest}\n`);
    expect(JSON.parse(found?.bytes.toString() ?? '')).toMatchObject({
      manifests: [{ digest: amd64.manifest.digest }, { digest: arm64.manifest.digest }],
    });
  });

  it('exits with 5 if a platform is missing, and lists the existing ones', async () => {
    const { source, target, copied, run } = await start();
    const { code, stdout, stderr } = await run(['copy', source, target, '--platform', 'linux/s390x']);
    expect({ code, stdout }).toEqual({ code: 5, stdout: '' });
    expect(stderr).toBe(
      `error: ${source} has no image for linux/s390x\nhint: It has linux/amd64, linux/arm64.\n`,
    );
    expect(copied()).toBe('none');
  });

  it('exits with 3 if the source is missing, and leaves no file', async () => {
    const { from, directory, run } = await start();
    const layout = join(directory, 'layout');
    const args = [
      'copy',
      `${from.host}/app:gone`,
      `oci:${layout}`,
      '--digest-file',
      join(directory, 'digest'),
    ];
    const { code, stdout } = await run(args);
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(await readdir(directory)).toEqual([]);
  });

  it('writes digest and metadata files', async () => {
    const { source, target, directory, run } = await start();
    const [digest, metadata] = [join(directory, 'digest'), join(directory, 'metadata.json')];
    await run(['copy', source, target, '--digest-file', digest, '--metadata-file', metadata]);
    expect(await readFile(digest, 'utf8')).toBe(index.digest);
    expect(JSON.parse(await readFile(metadata, 'utf8'))).toMatchObject({
      references: [target],
      digest: index.digest,
      platforms: { 'linux/amd64': {}, 'linux/arm64': {} },
    });
  });

  it('keeps the digest through a layout', async () => {
    const { source, target, copied, directory, run } = await start();
    const layout = `oci:${join(directory, 'layout')}`;
    expect((await run(['copy', source, layout])).stdout).toBe(`${index.digest}\n`);
    expect((await run(['copy', `${layout}:latest`, target])).stdout).toBe(`${index.digest}\n`);
    expect(copied()).toBe(index.digest);
  });

  it('exits with 7 and both digests if the tag is not as --expect-current', async () => {
    const { to, source, target, copied, run } = await start();
    const current = to.put('app', arm64, '1.2');
    const wrong = amd64.manifest.digest;
    for (const flags of [[], ['--dry-run']]) {
      const { code, stderr } = await run(['copy', source, target, '--expect-current', wrong, ...flags]);
      expect(code).toBe(7);
      expect(stderr).toContain(`${target} was expected to hold ${wrong}, but holds ${current}\n`);
    }
    expect((await run(['copy', source, target, '--expect-current=none'])).code).toBe(7);
    expect(copied()).toBe(current);
    expect((await run(['copy', source, target, '--expect-current', current])).code).toBe(0);
    expect(copied()).toBe(index.digest);
    expect((await run(['copy', source, target, '--expect-current=none'])).code).toBe(0);
    expect((await run(['copy', source, target, '--expect-current=any'])).code).toBe(0);
  });

  it.each([
    ['an expectation that is none', ['SOURCE', 'TARGET', '--expect-current=1.2']],
    ['no target', ['SOURCE']],
    ['three arguments', ['SOURCE', 'TARGET', 'more']],
    ['a read-only target', ['SOURCE', 'docker-archive:out.tar']],
    ['an empty platform', ['SOURCE', 'TARGET', '--platform=']],
    ['an unknown way with attestations', ['SOURCE', 'TARGET', '--attestations=maybe']],
    ['an unknown compression', ['SOURCE', 'TARGET', '--layer-compression=zip']],
    ['a tag that is none', ['SOURCE', 'TARGET', '--tag=a:b:c']],
    ['a file in no directory', ['SOURCE', 'TARGET', '--digest-file=gone/digest']],
  ])('rejects %s, and copies nothing', async (_, flags) => {
    const { from, to, source, target, run } = await start();
    const argv = flags.map((arg) => ({ SOURCE: source, TARGET: target })[arg] ?? arg);
    expect(await run(['copy', ...argv])).toMatchObject({ code: 125, stdout: '' });
    expect([...from.requests, ...to.requests]).toEqual([]);
  });
});

describe('copy --dry-run', () => {
  it('prints the plan and the digest, and writes nothing', async () => {
    const { to, source, target, directory, run } = await start();
    to.put('app', arm64, '1.2');
    const before = await snapshot(directory);
    const args = ['copy', source, target, '--platform', 'linux/amd64', '--dry-run', '--no-cache'];

    const { code, stdout } = await run([...args, '--digest-file', join(directory, 'digest')]);

    expect(code).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines.map((line) => line.replaceAll(/ +/g, ' '))).toEqual([
      `upload blob ${to.host}/app@${amd64.config.digest} ${amd64.config.size} B`,
      expect.stringMatching(new RegExp(`^upload blob ${to.host}/app@${amd64.layers[0]?.digest} `)),
      `tag manifest ${target} ${amd64.manifest.size} B previously ${arm64.manifest.digest}`,
      expect.stringMatching(/^Total: 2 to upload \(.*\), 1 tag to move$/),
      amd64.manifest.digest,
    ]);
    expect((await run([...args, '-q'])).stdout).toBe(`${amd64.manifest.digest}\n`);
    expect(to.requests.filter(({ method }) => method !== 'GET' && method !== 'HEAD')).toEqual([]);
    expect(await snapshot(directory)).toEqual(before);
  });

  it('warns that the plan does not include referrers', async () => {
    const { source, target, run } = await start();
    const { code, stderr } = await run(['copy', source, target, '--referrers', '--dry-run']);
    expect(code).toBe(0);
    expect(stderr).toContain('warning: the plan does not include referrers (--referrers)\n');
  });
});
