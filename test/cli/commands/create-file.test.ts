import { execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import type { Descriptor } from '../../../src/oci/descriptor.js';
import { amd64, arm64, attested } from '../../support/images.js';
import { startCommandLine } from '../../support/in-process.js';
import { tinyImage } from '../../support/tiny-image.mjs';

/** A registry with `app:1-amd64`, `app:1-arm64` and `app:all`, and a command line in a directory. */
async function start() {
  const commandLine = await startCommandLine({
    images: { '1-amd64': amd64, '1-arm64': arm64, all: attested },
  });
  const { registry } = commandLine;
  const write = async (name: string, text: string): Promise<string> => {
    const path = join(commandLine.directory, name);
    await writeFile(path, text);
    return path;
  };
  const entries = (tag: string): readonly Descriptor[] => {
    const text = registry.manifest('app', tag)?.bytes.toString() ?? '{"manifests":[]}';
    return (JSON.parse(text) as { manifests: readonly Descriptor[] }).manifests;
  };
  const digests = (tag: string): string[] => entries(tag).map(({ digest }) => digest);
  const drafts = async (): Promise<string> => (await commandLine.run(['ls', '-q'])).stdout;
  return { write, entries, digests, drafts, ...commandLine };
}

const ASSEMBLY = (app: string): string => `target: ${app}:1
tags: ['1.0', stable]
format: oci
annotations:
  team: a
require: [linux/amd64, linux/arm64]
images:
  - source: ${app}:1-{arch}
    platforms: [linux/amd64, linux/arm64]
    annotations: { built: here }
`;

describe('create -f', () => {
  it('creates the draft of the file, and a push moves its tags', async () => {
    const { registry, app, write, digests, entries, run } = await start();
    const file = await write('assembly.yaml', ASSEMBLY(app));
    const created = await run(['create', '-f', file]);
    expect(created).toMatchObject({ code: 0, stdout: `Created manifest list ${app}:1\n` });
    expect((await run(['push', `${app}:1`])).code).toBe(0);
    expect(digests('stable')).toEqual([amd64.manifest.digest, arm64.manifest.digest]);
    expect(entries('1.0').map(({ annotations }) => annotations)).toEqual([
      { built: 'here' },
      { built: 'here' },
    ]);
    expect(JSON.parse(registry.manifest('app', '1')?.bytes.toString() ?? '')).toMatchObject({
      annotations: { team: 'a' },
    });
  });

  it('reads a pipe once, also with a login', async () => {
    const { app, directory, digests, run } = await start();
    const pipe = join(directory, 'assembly.yaml');
    execFileSync('mkfifo', [pipe]);
    const login = ['--username', 'jane', '--password-stdin'];
    const [result] = await Promise.all([
      run(['create', '-f', pipe, '--push', ...login], { stdin: 'secret' }),
      writeFile(pipe, ASSEMBLY(app)),
    ]);
    expect(result.stderr).not.toMatch(/^error/m);
    expect(result.code).toBe(0);
    expect(digests('stable')).toHaveLength(2);
  });

  it.each([['-f', '-'], ['-f=-'], ['-f-'], ['--file=-'], ['--file', '-']])(
    'reads standard input: %s %s',
    async (...flags) => {
      const { app, digests, run } = await start();
      const result = await run(['create', ...flags.filter(Boolean), '--push'], { stdin: ASSEMBLY(app) });
      expect(result.code).toBe(0);
      expect(digests('stable')).toHaveLength(2);
    },
  );

  it('the command line takes precedence, and its sources come last', async () => {
    const { app, write, run } = await start();
    const file = await write('assembly.yaml', ASSEMBLY(app));
    const argv = ['create', `${app}:2`, `${app}:all`, '-f', file, '--format', 'docker', '--platform'];
    const args = ['linux/arm64', '--attestations=drop', '--json', '--annotation', 'team=b'];
    const { stdout, stderr, code } = await run([...argv, ...args]);
    expect(code, stderr).toBe(5);
    const met = await run([...argv, 'linux/arm64,linux/amd64', ...args.slice(1)]);
    expect(JSON.parse(met.stdout)).toMatchObject({
      reference: `${app}:2`,
      format: 'docker',
      annotations: { team: 'b' },
      tags: ['1.0', 'stable'],
      entries: [{ source: `${app}:1-amd64` }, { source: `${app}:1-arm64` }, {}, {}],
    });
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, error: { kind: 'requirement' } });
    expect(met.stderr).toContain('warning: duplicate platform linux/amd64');
    expect(met.stderr).toContain(`multiarch create ${app}:2 --amend --format oci`);
  });

  describe('with several files', () => {
    it('takes the images of all, in the order given', async () => {
      const { app, write, digests, run } = await start();
      const [one, other] = [arm64, amd64].map(({ manifest: { digest, mediaType, bytes } }) =>
        JSON.stringify({ mediaType, digest, size: bytes.length }),
      );
      const files = [await write('a.json', one ?? ''), await write('b.json', other ?? '')];
      const argv = ['create', `${app}:1`, ...files.flatMap((file) => ['-f', file]), '--push'];
      expect((await run(argv)).stderr).not.toContain('error');
      expect(digests('1')).toEqual([arm64.manifest.digest, amd64.manifest.digest]);
      const reversed = ['create', `${app}:2`, '--file', files[1] ?? '', `-f${files[0]}`, '--push'];
      expect((await run(reversed)).code).toBe(0);
      expect(digests('2')).toEqual([amd64.manifest.digest, arm64.manifest.digest]);
    });

    it('combines their settings, and rejects contradictions before any request', async () => {
      const { app, registry, write, digests, run } = await start();
      const [first, second] = [
        await write('a.yaml', `target: ${app}:1\ntags: [a]\nimages: [{ source: '${app}:1-amd64' }]\n`),
        await write('b.yaml', `target: ${app}:2\ntags: [b]\nimages: [{ source: '${app}:1-arm64' }]\n`),
      ];
      const refused = await run(['create', '-f', first, '-f', second, '--push']);
      expect(refused).toMatchObject({ code: 125, stdout: '' });
      expect(refused.stderr).toContain(`error: ${first} and ${second} have different targets`);
      expect(registry.requests).toEqual([]);
      expect((await run(['create', `${app}:3`, '-f', first, '-f', second, '--push'])).code).toBe(0);
      for (const tag of ['3', 'a', 'b']) expect(digests(tag)).toHaveLength(2);
    });

    it('reads standard input once', async () => {
      const { app, run } = await start();
      const both = await run(['create', '-f', '-', '-f', '-'], { stdin: ASSEMBLY(app) });
      expect(both).toMatchObject({ code: 125, stdout: '' });
      expect(both.stderr).toContain('standard input can only be one of the files');
    });
  });

  it("reads manifest-tool's YAML", async () => {
    const { app, write, digests, run } = await start();
    const spec = `image: ${app}:m
tags: [latest]
manifests:
  - image: ${app}:1-ARCH
    platform: { architecture: amd64, os: linux }
  - image: ${app}:1-ARCH
    platform: { architecture: arm64, os: linux }
`;
    expect((await run(['create', '-f', await write('spec.yml', spec), '--push'])).code).toBe(0);
    expect(digests('latest')).toEqual([amd64.manifest.digest, arm64.manifest.digest]);
  });

  it('accepts an index, with the name of the list on the command line', async () => {
    const { app, write, digests, run } = await start();
    const file = await write('index.json', Buffer.from(attested.bytes).toString());
    expect((await run(['create', `${app}:copy`, '-f', file, '--push'])).code).toBe(0);
    expect(digests('copy')).toEqual(attested.images.map(({ manifest }) => manifest.digest));
    expect(await run(['create', '-f', file])).toMatchObject({
      code: 125,
      stderr: `error: ${file} does not name the list\nhint: Name it: multiarch create LIST -f ${file}\n`,
    });
  });

  it('reports all problems of the file at once, before any request', async () => {
    const { registry, app, write, drafts, run } = await start();
    const file = await write(
      'assembly.yaml',
      `target: ${app}:1
tagz: [latest]
require: [linux]
images:
  - source: ${app}:1-{arch}
    platforms: [linux/amd64, linux/arm64]
  - source: ${app}:other
    platform: linux/arm64/v8
  - source: Not A Name
`,
    );
    const { code, stdout, stderr } = await run(['create', '-f', file]);
    expect({ code, stdout }).toEqual({ code: 5, stdout: '' });
    const problems = stderr.split('\n').filter((line) => line.startsWith('  /') || line.startsWith('  ('));
    expect(problems.map((line) => /line (\d+), column \d+/.exec(line)?.[1])).toEqual(['2', '3', '8', '9']);
    expect(stderr).toContain('tagz');
    expect(stderr).toContain('is linux/arm64/v8, as is that of /images/0');
    expect(registry.requests).toEqual([]);
    expect(await drafts()).toBe('');
  });

  it('reports all missing sources and platforms at once', async () => {
    const { app, write, drafts, run } = await start();
    const file = await write(
      'assembly.yaml',
      `target: ${app}:1
images:
  - source: ${app}:nowhere
  - source: ${app}:all
    platforms: [linux/s390x]
  - source: ${app}:gone
`,
    );
    const { code, stdout, stderr } = await run(['create', '-f', file]);
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(stderr).toContain('3 of 3 sources cannot be used:\n');
    expect(stderr).toContain(`no such manifest: ${app}:nowhere`);
    expect(stderr).toContain('has an image for linux/s390x (They have linux/amd64, linux/arm64.)');
    expect(stderr).toContain(`no such manifest: ${app}:gone`);
    expect(await drafts()).toBe('');
  });

  it.each([
    ['missing.yaml', 3, 'no such file'],
    ['.', 125, 'is a directory'],
  ])('reports why it cannot read %s', async (name, code, message) => {
    const { directory, run } = await start();
    const result = await run(['create', '-f', join(directory, name)]);
    expect(result).toMatchObject({ code, stdout: '', stderr: expect.stringContaining(message) });
  });

  it('rejects invalid UTF-8', async () => {
    const { run } = await start();
    const result = await run(['create', '-f', '-'], { stdin: Buffer.from([0xff, 0xfe, 0x61]) });
    expect(result).toMatchObject({ code: 5, stderr: 'error: standard input is not valid UTF-8\n' });
  });
});

describe('create --digests', () => {
  /** A folder of files with these names. */
  async function folder(directory: string, names: readonly string[]): Promise<string> {
    const path = join(directory, 'digests');
    await mkdir(path);
    for (const name of names) await writeFile(join(path, name), '');
    return path;
  }
  const named = [amd64, arm64].map(({ manifest }) => manifest.digest).sort();

  it.each([
    ['sha256:HEX', (digest: string) => digest],
    ['HEX', (digest: string) => digest.replace('sha256:', '')],
    ['sha256-HEX', (digest: string) => digest.replace(':', '-')],
  ])('adds the images that file names give: %s', async (_, name) => {
    const { app, directory, digests, run } = await start();
    const path = await folder(directory, named.map(name));
    expect((await run(['create', `${app}:d`, '--digests', path, '--push'])).code).toBe(0);
    expect(digests('d')).toEqual(named);
  });

  it('finds them in another repository', async () => {
    const { registry, app, directory, run } = await start();
    registry.put('build', amd64);
    const path = await folder(directory, [amd64.manifest.digest]);
    const repository = `${registry.host}/build:any`;
    const argv = ['create', `${app}:d`, '--digests', path, '--repository', repository, '--json'];
    expect(JSON.parse((await run(argv)).stdout)).toMatchObject({
      entries: [{ source: `${registry.host}/build@${amd64.manifest.digest}` }],
    });
  });

  it.each([
    [['--repository', 'app'], 125, '--repository needs --digests'],
    [['--digests', '/nowhere/at/all'], 3, 'no such directory'],
  ])('rejects %j', async (flags, code, message) => {
    const { run } = await start();
    const result = await run(['create', 'app:1', ...flags]);
    expect(result).toMatchObject({ code, stderr: expect.stringContaining(message) });
  });

  it('reports other file names', async () => {
    const { directory, run } = await start();
    const path = await folder(directory, [amd64.manifest.digest, 'notes.txt']);
    const result = await run(['create', 'app:1', '--digests', path]);
    expect(result).toMatchObject({ code: 5, stderr: expect.stringContaining('"notes.txt"') });
  });
});

describe('create', () => {
  it('replaces templates by --platform', async () => {
    const { app, run } = await start();
    const argv = [
      'create',
      `${app}:t`,
      `${app}:1-{arch}`,
      '--platform=linux/arm64',
      '--platform=linux/amd64',
    ];
    expect((await run(argv)).code).toBe(0);
    expect((await run(['ls'])).stdout).toBe(`${app}:t  linux/arm64, linux/amd64\n`);
  });

  it('rejects a template without --platform', async () => {
    const { app, run } = await start();
    const result = await run(['create', `${app}:t`, `${app}:1-{arch}`]);
    expect(result).toMatchObject({ code: 125, stderr: expect.stringContaining('--platform linux/amd64') });
  });

  it('keeps platforms and drops attestations', async () => {
    const { app, digests, run } = await start();
    await run(['create', `${app}:p`, `${app}:all`, '--platform', 'linux/arm64', '--push']);
    expect(digests('p')).toHaveLength(2);
    const flags = ['--platform', 'linux/arm64', '--attestations', 'drop'];
    await run(['create', `${app}:q`, `${app}:all`, ...flags, '--push']);
    expect(digests('q')).toEqual([arm64.manifest.digest]);
  });

  it.each([
    [['--platform', 'linux/s390x'], 'no source of', 'They have linux/amd64, linux/arm64.'],
    [
      ['--require', 'linux/arm64/v8,linux/s390x'],
      'has no image for linux/s390x',
      'It has linux/amd64, linux/arm64.',
    ],
  ])('%j of a missing platform: exit code 5, and the existing ones', async (flags, message, hint) => {
    const { app, drafts, run } = await start();
    const { code, stdout, stderr } = await run(['create', `${app}:r`, `${app}:all`, ...flags]);
    expect({ code, stdout }).toEqual({ code: 5, stdout: '' });
    expect(stderr).toContain(message);
    expect(stderr).toContain(`hint: ${hint}`);
    expect(await drafts()).toBe('');
  });

  it('--require checks the draft without --push', async () => {
    const { app, run } = await start();
    const argv = ['create', `${app}:r`, `${app}:all`, '--require=linux/arm64', '--require=linux/amd64'];
    expect((await run(argv)).code).toBe(0);
  });

  it.each(['', 'linux/amd64,', 'linux//'])('rejects --require=%j', async (text) => {
    const { run } = await start();
    expect((await run(['create', 'app:1', `--require=${text}`])).code).toBe(125);
  });

  it('--wait exits with 3 and the missing sources', async () => {
    const { app, run } = await start();
    const result = await run(['create', `${app}:w`, `${app}:all`, `${app}:late`, '--wait', '0']);
    expect(result).toMatchObject({ code: 3, stdout: '' });
    expect(result.stderr).toBe(
      `error: still not found after 0s: ${app}:late\nhint: Check whether the jobs that push them failed, or raise --wait.\n`,
    );
  });

  it('--from adds to a published index', async () => {
    const { app, digests, run } = await start();
    await run(['create', `${app}:f`, `${app}:1-amd64`, '--push', '--purge']);
    const argv = ['create', `${app}:f`, '--from', `${app}:f`, `${app}:1-arm64`, '--push', '-p'];
    expect((await run(argv)).code).toBe(0);
    expect(digests('f')).toEqual([amd64.manifest.digest, arm64.manifest.digest]);
  });

  it('--replace replaces the image of the same platform', async () => {
    const { registry, app, run } = await start();
    const newer = tinyImage({ architecture: 'amd64', text: 'newer\n' });
    registry.put('app', newer, 'newer');
    await run(['create', `${app}:r`, `${app}:all`]);
    const { stdout, stderr } = await run(['create', `${app}:r`, '-a', '--replace', `${app}:newer`, '--json']);
    const { entries } = JSON.parse(stdout) as { entries: { descriptor: Descriptor }[] };
    expect(entries.map(({ descriptor }) => descriptor.digest)).toEqual([
      arm64.manifest.digest,
      attested.images[3]?.manifest.digest,
      newer.manifest.digest,
    ]);
    expect(stderr).not.toContain('warning');
  });

  it('--annotation names its target', async () => {
    const { app, entries, run } = await start();
    const flags = ['a=1', 'manifest:b=x,y=z\n', 'manifest[linux/arm64/v8]:c=', 'index:d=2'];
    const annotations = flags.map((flag) => `--annotation=${flag}`);
    await run(['create', `${app}:n`, `${app}:1-amd64`, `${app}:1-arm64`, ...annotations, '--push']);
    expect(entries('n').map((entry) => entry.annotations)).toEqual([
      { b: 'x,y=z\n' },
      { b: 'x,y=z\n', c: '' },
    ]);
    const { stdout } = await run(['inspect', `${app}:n`]);
    expect(JSON.parse(stdout)).toMatchObject({ annotations: { a: '1', d: '2' } });
  });

  it('--annotations-from-labels copies the common labels', async () => {
    const { registry, app, run } = await start();
    const labels = { 'org.opencontainers.image.version': '1', other: 'x' };
    registry.put('app', tinyImage({ architecture: 'amd64', labels }), 'x');
    registry.put('app', tinyImage({ architecture: 'arm64', labels }), 'y');
    const argv = ['create', `${app}:l`, `${app}:x`, `${app}:y`, '--annotations-from-labels', '--json'];
    expect(JSON.parse((await run(argv)).stdout)).toMatchObject({
      annotations: { 'org.opencontainers.image.version': '1' },
    });
  });
});
