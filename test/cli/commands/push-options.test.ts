import { mkdir, readFile, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { artifact } from '../../support/artifact.js';
import { amd64, arm64 } from '../../support/images.js';
import { startCommandLine } from '../../support/in-process.js';
import { tinyImage, tinyIndex } from '../../support/tiny-image.mjs';

const other = tinyIndex([tinyImage({ architecture: 'amd64', text: 'other' })]);

/** A draft of two images, whose repository is not the list's. */
async function start() {
  const commandLine = await startCommandLine({ path: 'build', images: { amd64, arm64 } });
  const { registry, host, app } = commandLine;
  const list = `${app}:1`;
  const sources = [`${host}/build:amd64`, `${host}/build:arm64`];
  await commandLine.run(['create', list, ...sources]);
  const pushed = (tag = '1'): string => registry.manifest('app', tag)?.digest ?? 'none';
  const read = (name: string): Promise<string> => readFile(join(commandLine.directory, name), 'utf8');
  return { list, sources, pushed, read, ...commandLine };
}

describe('--require', () => {
  it('exits with 5 if a platform is missing, and moves no tag', async () => {
    const { list, pushed, run } = await start();
    const required = ['--require', 'linux/amd64,linux/s390x', '--require=linux/arm/v7'];
    const { code, stdout, stderr } = await run(['push', list, ...required]);
    expect({ code, stdout }).toEqual({ code: 5, stdout: '' });
    expect(stderr).toBe(
      `error: ${list} has no image for linux/s390x, linux/arm/v7\nhint: It has linux/amd64, linux/arm64.\n`,
    );
    expect(pushed()).toBe('none');
    expect((await run(['push', list, '--require', 'linux/arm64/v8'])).code).toBe(0);
  });

  it.each(['', 'linux/amd64,', 'linux/'])('rejects %j', async (platforms) => {
    const { list, pushed, run } = await start();
    expect((await run(['push', list, `--require=${platforms}`])).code).toBe(125);
    expect(pushed()).toBe('none');
  });
});

describe('--expect-current', () => {
  it('exits with 7 and both digests if the tag has another', async () => {
    const { registry, list, pushed, run } = await start();
    const current = registry.put('app', other, '1');
    const wrong = amd64.manifest.digest;
    const { code, stderr } = await run(['push', list, '--expect-current', wrong]);
    expect(code).toBe(7);
    expect(stderr).toContain(`was expected to hold ${wrong}, but holds ${current}\n`);
    expect((await run(['push', list, '--expect-current', 'none'])).code).toBe(7);
    expect(pushed()).toBe(current);
    expect((await run(['push', list, '--expect-current', current])).code).toBe(0);
    expect((await run(['push', list, '--expect-current', 'none'])).code).toBe(0);
    expect((await run(['push', list, '--expect-current', 'any'])).code).toBe(0);
  });

  it.each(['', '1.2', 'sha256:1', 'NONE'])('rejects %j', async (expected) => {
    const { list, pushed, run } = await start();
    const { code, stderr } = await run(['push', list, `--expect-current=${expected}`]);
    expect(code).toBe(125);
    expect(stderr).toContain(JSON.stringify(expected));
    expect(pushed()).toBe('none');
  });
});

describe('--dry-run', () => {
  it('prints the plan, its totals and the digest of the index', async () => {
    const { registry, host, list, pushed, directory, run } = await start();
    const current = registry.put('app', other, 'latest');
    registry.put('app', arm64);
    registry.clearLog();
    const args = [
      'push',
      list,
      '-t',
      'latest',
      '-t',
      'v1',
      '--purge',
      '--digest-file',
      `${directory}/digest`,
    ];

    const { code, stdout, stderr } = await run([...args, '--dry-run']);

    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(registry.requests.filter(({ method }) => method !== 'GET' && method !== 'HEAD')).toEqual([]);
    const [config, layer] = [amd64.config.digest, amd64.layers[0]?.digest];
    const lines = stdout.trimEnd().split('\n');
    expect(lines.map((line) => line.replaceAll(/ +/g, ' '))).toEqual([
      `mount blob ${host}/app@${config} ${amd64.config.size} B`,
      `mount blob ${host}/app@${layer} 2.1 kB`,
      `put manifest ${host}/app@${amd64.manifest.digest} ${amd64.manifest.size} B`,
      `present manifest ${host}/app@${arm64.manifest.digest} ${arm64.manifest.size} B`,
      expect.stringMatching(new RegExp(`^tag index ${host}/app:1 \\d+ B new$`)),
      expect.stringMatching(new RegExp(`^tag index ${host}/app:v1 \\d+ B new$`)),
      expect.stringMatching(new RegExp(`^tag index ${host}/app:latest \\d+ B previously ${current}$`)),
      expect.stringMatching(
        /^Total: 1 already present \(402 B\), 2 to mount \(.* kB\), 1 to put \(402 B\), 3 tags to move$/,
      ),
      expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
    ]);
    expect((await run(['ls', '-q'])).stdout).toBe(`${list}\n`);
    expect(await readdir(directory)).not.toContain('digest');
    const { stdout: digest } = await run([...args, '-q']);
    expect(digest).toBe(`${lines.at(-1)}\n`);
    expect(pushed('latest')).toBe(lines.at(-1));
  });

  it('prints only the digest with --quiet, and everything with --json', async () => {
    const { host, list, run } = await start();
    const { stdout } = await run(['push', list, '--dry-run', '--json']);
    const plan = JSON.parse(stdout) as { descriptor: { digest: string } };
    expect(plan).toMatchObject({
      ok: true,
      dryRun: true,
      descriptor: { size: expect.any(Number) as number },
      content: expect.arrayContaining([
        { repository: `${host}/app`, kind: 'manifest', ...sized(amd64.manifest), action: 'put' },
      ]),
      tags: [{ reference: `${host}/app:1`, digest: plan.descriptor.digest, outcome: 'moved' }],
    });
    expect((await run(['push', list, '--dry-run', '-q'])).stdout).toBe(`${plan.descriptor.digest}\n`);
  });

  it('shows no changes for a published list', async () => {
    const { host, list, pushed, run } = await start();
    await run(['push', list]);
    const lines = (await run(['push', list, '--dry-run'])).stdout.trimEnd().split('\n');
    expect(lines.map((line) => line.split(/ +/)[0])).toEqual([
      'present',
      'present',
      'present',
      'Total:',
      pushed(),
    ]);
    expect(lines[2]).toMatch(new RegExp(`^present +index +${host}/app:1 +\\d+ B$`));
    expect(lines[3]).toBe('Total: 2 already present (804 B), 0 tags to move');
  });

  it('creates no draft with create --push', async () => {
    const { registry, host, sources, run } = await start();
    registry.clearLog();
    const args = ['create', `${host}/app:2`, ...sources, '--push'];
    const { code, stdout } = await run([...args, '--dry-run']);
    expect(code).toBe(0);
    expect(stdout).toContain('Total: 4 to mount');
    expect(registry.requests.filter(({ method }) => method !== 'GET' && method !== 'HEAD')).toEqual([]);
    expect((await run(['ls', '-q'])).stdout).toBe(`${host}/app:1\n`);
    expect((await run([...args, '-q'])).stdout).toBe(`${stdout.trimEnd().split('\n').at(-1)}\n`);
  });
});

describe('--digest-file and --metadata-file', () => {
  it('are written after the push, the digest without a line feed', async () => {
    const { host, list, pushed, directory, read, run } = await start();
    await writeFile(join(directory, 'digest'), 'what was there before, and longer than a digest'.repeat(9));
    const files = ['--digest-file', `${directory}/digest`, '--metadata-file', `${directory}/metadata.json`];
    expect((await run(['push', list, '-t', 'latest', ...files])).code).toBe(0);
    expect(await read('digest')).toBe(pushed());
    expect(JSON.parse(await read('metadata.json'))).toMatchObject({
      references: [`${host}/app:1`, `${host}/app:latest`],
      image: `${host}/app@${pushed()}`,
      digest: pushed(),
      mediaType: 'application/vnd.oci.image.index.v1+json',
      size: expect.any(Number),
      platforms: {
        'linux/amd64': sized(amd64.manifest),
        'linux/arm64': sized(arm64.manifest),
      },
      tags: [
        { reference: `${host}/app:1`, outcome: 'moved' },
        { reference: `${host}/app:latest`, outcome: 'moved' },
      ],
    });
    const names = await readdir(directory);
    expect(names.filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('are unchanged if the push fails', async () => {
    const { list, directory, read, run } = await start();
    await writeFile(join(directory, 'digest'), 'old');
    const { code } = await run([
      'push',
      list,
      '--require=linux/s390x',
      '--digest-file',
      `${directory}/digest`,
    ]);
    expect(code).toBe(5);
    expect(await read('digest')).toBe('old');
  });

  it('follow and keep a symbolic link', async () => {
    const { list, pushed, directory, read, run } = await start();
    await writeFile(join(directory, 'real'), '');
    await symlink('real', join(directory, 'link'));
    await run(['push', list, '--digest-file', `${directory}/link`]);
    expect(await read('real')).toBe(pushed());
    await writeFile(join(directory, 'real'), 'still a link');
    expect(await read('link')).toBe('still a link');
  });

  it.each([
    ['', '""'],
    ['missing/digest', 'the directory does not exist'],
    ['directory', 'not a regular file'],
  ])('%j is rejected before anything is pushed', async (name, message) => {
    const { list, pushed, directory, run } = await start();
    await mkdir(join(directory, 'directory'));
    for (const flag of ['--digest-file', '--metadata-file']) {
      const path = name === '' ? '' : join(directory, name);
      const { code, stdout, stderr } = await run(['push', list, `${flag}=${path}`]);
      expect({ code, stdout }).toEqual({ code: 125, stdout: '' });
      expect(stderr).toContain(message);
      expect(stderr).toContain(flag);
    }
    expect(pushed()).toBe('none');
  });

  it('must be different files', async () => {
    const { list, pushed, directory, run } = await start();
    const path = join(directory, 'file');
    expect((await run(['push', list, '--digest-file', path, '--metadata-file', path])).code).toBe(125);
    expect(pushed()).toBe('none');
  });
});

describe('--github', () => {
  it('appends outputs and a summary to the files of the step', async () => {
    const { host, list, pushed, directory, read, run } = await start();
    await writeFile(join(directory, 'output'), 'earlier=1\n');
    const env = {
      GITHUB_OUTPUT: join(directory, 'output'),
      GITHUB_STEP_SUMMARY: join(directory, 'summary'),
    };
    const { code, stdout } = await run(['push', list, '--github', '-q'], { env });
    expect({ code, stdout }).toEqual({ code: 0, stdout: `${pushed()}\n` });
    const outputs = await read('output');
    expect(outputs.startsWith(`earlier=1\ndigest=${pushed()}\nimage=${host}/app@${pushed()}\n`)).toBe(true);
    const metadata = /^metadata<<(\w+)\n([^]*?)\n\1\n$/m.exec(outputs)?.[2] ?? '';
    expect(JSON.parse(metadata)).toMatchObject({ digest: pushed() });
    const summary = await read('summary');
    expect(summary).toContain('| Platform | Digest | Attestations |');
    expect(summary).toContain(pushed());
  });

  it('adds the plan of a dry run to the summary, and sets no output', async () => {
    const { list, directory, read, run } = await start();
    const env = {
      GITHUB_OUTPUT: join(directory, 'output'),
      GITHUB_STEP_SUMMARY: join(directory, 'summary'),
    };
    await Promise.all(Object.values(env).map((file) => writeFile(file, '')));
    const { stdout } = await run(['push', list, '--github', '--dry-run', '-q'], { env });
    expect(await read('output')).toBe('');
    const summary = await read('summary');
    expect(summary).toContain(`### Dry run: <code>${list}</code>\n\nDigest: <code>${stdout.trim()}</code>\n`);
    expect(summary).toContain(`| <code>${list}</code> | would move | none |`);
  });

  it.each([
    [{}, 'GITHUB_OUTPUT and GITHUB_STEP_SUMMARY'],
    [{ GITHUB_OUTPUT: '/nowhere/output', GITHUB_STEP_SUMMARY: '' }, '--github needs GITHUB_STEP_SUMMARY'],
  ])('exits with 125 outside GitHub Actions and pushes nothing: %o', async (env, message) => {
    const { list, pushed, run } = await start();
    const { code, stderr } = await run(['push', list, '--github'], { env });
    expect(code).toBe(125);
    expect(stderr).toContain(message);
    expect(pushed()).toBe('none');
  });
});

it('create accepts the options of push only with --push', async () => {
  const { host, sources, run } = await start();
  for (const option of ['--dry-run', '--github', '--expect-current=none', '--digest-file=x']) {
    const { code, stderr } = await run(['create', `${host}/app:2`, ...sources, option]);
    expect(code).toBe(125);
    expect(stderr).toContain('needs --push');
  }
});

it('an immutable tag with another digest exits with 7 and both digests', async () => {
  const { registry, app, run } = await startCommandLine({
    images: { amd64 },
    registry: { immutableTags: true },
  });
  const current = registry.put('app', other, '1');
  const args = ['create', `${app}:1`, `${app}:amd64`, '--push'];
  const wanted = (await run([...args, '--dry-run', '-q'])).stdout.trim();
  const { code, stderr } = await run(args);
  expect(code).toBe(7);
  expect(stderr).toContain(current);
  expect(stderr).toContain(wanted);
});

function sized({ digest, size }: { digest: string; size: number }): { digest: string; size: number } {
  return { digest, size };
}

describe('--allow-nondistributable and --referrers', () => {
  it.each([
    [[], false],
    [['--allow-nondistributable'], true],
  ])('with %j a non-distributable layer is copied: %s', async (flags, moved) => {
    const { registry, host, app, run } = await startCommandLine();
    const layer = registry.putBlob('win', Buffer.from('base layer'));
    registry.putBlob('win', amd64.config.bytes);
    const manifest = {
      schemaVersion: 2,
      mediaType: amd64.manifest.mediaType,
      config: { mediaType: amd64.config.mediaType, ...sized(amd64.config) },
      layers: [
        {
          mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
          digest: layer,
          size: 10,
          urls: ['https://example.com/layer'],
        },
      ],
    };
    const bytes = Buffer.from(JSON.stringify(manifest));
    registry.putManifest('win', bytes, manifest.mediaType, '1');
    const list = `${app}:1`;
    await run(['create', list, `${host}/win:1`]);
    expect((await run(['push', list, ...flags])).code).toBe(0);
    expect(registry.hasBlob('app', layer)).toBe(moved);
    const direct = ['create', `${host}/direct:1`, `${host}/win:1`, '--push', ...flags];
    expect((await run(direct)).code).toBe(0);
    expect(registry.hasBlob('direct', layer)).toBe(moved);
  });

  it.each([
    [[], undefined],
    [['--referrers'], artifact(amd64.manifest).manifest.digest],
  ])('with %j signatures of the images are copied: %s', async (flags, expected) => {
    const { registry, host, app, run } = await startCommandLine({
      path: 'build',
      images: { amd64 },
      registry: { referrers: {} },
    });
    const signature = artifact(amd64.manifest);
    registry.put('build', signature);
    const list = `${app}:1`;
    await run(['create', list, `${host}/build:amd64`]);
    expect((await run(['push', list, ...flags])).code).toBe(0);
    expect(registry.manifest('app', signature.manifest.digest)?.digest).toBe(expected);
  });
});
