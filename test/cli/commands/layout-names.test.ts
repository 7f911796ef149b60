import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { amd64, arm64, pair } from '../../support/images.js';
import { dockerSave, keptImage } from '../../support/docker-save.js';
import { makeCommandLine, startCommandLine } from '../../support/in-process.js';
import { tarFile } from '../../support/tar-file.js';
import { tinyImage, tinyIndex, writeLayout } from '../../support/tiny-image.mjs';

const DIGEST = `sha256:${'0'.repeat(64)}`;

/** A command line, with a layout `source` that has amd64 under the tag `1`. */
async function prepare() {
  const { directory, run } = await makeCommandLine();
  const at = (name: string): string => join(directory, name);
  await writeLayout(at('source'), amd64, '1');
  const names = async (layout: string): Promise<(string | undefined)[]> => {
    const index = JSON.parse(await readFile(join(at(layout), 'index.json'), 'utf8')) as {
      manifests: { annotations?: Record<string, string> }[];
    };
    return index.manifests.map(({ annotations }) => annotations?.['org.opencontainers.image.ref.name']);
  };
  return { at, run, names, source: `oci:${at('source')}:1`, directory };
}

describe('a tag of a layout', () => {
  it.each(['1.2+b5', 'docker.io/library/app:1.2', 'localhost/app:latest', 'a@b', 'x:y', 'a'.repeat(129)])(
    '%s is written and read',
    async (tag) => {
      const { at, run, names, source } = await prepare();
      for (const [transport, path] of [
        ['oci', at('dist')],
        ['oci-archive', at('dist.tar')],
      ]) {
        const target = `${transport}:${path}:${tag}`;
        expect(await run(['copy', '-q', source, target])).toMatchObject({ code: 0 });
        expect(await run(['inspect', target, '--raw'])).toMatchObject({
          code: 0,
          stdout: Buffer.from(amd64.manifest.bytes).toString(),
        });
      }
      expect(await names('dist')).toEqual([tag]);
      expect((await readdir(at('.'))).filter((name) => name.startsWith('dist')).toSorted()).toEqual([
        'dist',
        'dist.tar',
      ]);
    },
  );

  it.each([
    ['a b', 125],
    ['.x', 125],
    ['-x', 125],
    ['x-', 125],
    ['_x', 125],
    ['v1__2', 125],
    ['a//b', 125],
    ['x:', 125],
    ['@0', 125],
    [`1@${DIGEST}`, 125],
    [DIGEST, 125],
  ])('%s is refused before anything is written', async (tag, code) => {
    const { at, run, source, directory } = await prepare();
    const before = await readdir(directory);
    for (const layout of [`oci:${at('dist')}`, `oci-archive:${at('dist.tar')}`]) {
      for (const argv of [
        ['copy', source, `${layout}:${tag}`],
        ['copy', source, `${layout}:1`, '--tag', `${layout}:${tag}`],
        ['create', `${layout}:${tag}`, source],
        ['create', `${layout}:${tag}`, source, '--push'],
      ]) {
        const result = await run(argv);
        expect([argv[0], result.code, result.stdout]).toEqual([argv[0], code, '']);
        expect(result.stderr).toMatch(/\nhint: /);
      }
    }
    expect(await readdir(directory)).toEqual(before);
  });

  it('is that of a draft, of further tags, and of undo', async () => {
    const { at, run, names, source } = await prepare();
    const list = `oci:${at('dist')}:docker.io/library/app:1.2`;
    expect(await run(['create', list, source])).toMatchObject({ code: 0 });
    expect((await run(['ls', '-q'])).stdout).toBe(`${list}\n`);
    expect(await run(['push', '-q', list, '--tag', '1.2+b5', '--tag', 'latest'])).toMatchObject({ code: 0 });
    expect((await names('dist')).toSorted()).toEqual(['1.2+b5', 'docker.io/library/app:1.2', 'latest']);
    await writeLayout(at('other'), arm64, '1');
    const again = ['create', list, '--amend', `oci:${at('other')}:1`, '--push', '--tag', '1.2+b5'];
    expect(await run(again)).toMatchObject({ code: 0 });
    const undone = await run(['undo', list]);
    expect(undone).toMatchObject({ code: 0 });
    expect(undone.stdout).toContain(`oci:${at('dist')}:1.2+b5`);
  });

  it('stays apart from a tag that only ends the same', async () => {
    const { at, run, names, source } = await prepare();
    const multi = `oci:${at('multi')}`;
    for (const name of ['localhost/app:latest', 'localhost/web:latest']) {
      await run(['copy', '-q', source, `${multi}:${name}`]);
      await writeLayout(at('source'), arm64, '1');
    }
    expect(await run(['inspect', '--raw', `${multi}:localhost/web:latest`])).toMatchObject({
      stdout: Buffer.from(arm64.manifest.bytes).toString(),
    });
    const several = await run(['inspect', multi]);
    expect(several).toMatchObject({
      code: 125,
      stderr: `error: ${multi} holds 2 images\nhint: Choose one: localhost/app:latest, localhost/web:latest.\n`,
    });
    expect(await run(['inspect', `${multi}:latest`])).toMatchObject({
      code: 125,
      stderr: expect.stringContaining(
        'hint: Choose one by its full name: localhost/app:latest, localhost/web:latest.',
      ),
    });
    // The target is the tag alone, which does not exist.
    const options = ['-q', '--expect-current', 'none'];
    expect(await run(['copy', ...options, `${multi}:localhost/app:latest`, `${multi}:latest`])).toMatchObject(
      {
        code: 0,
      },
    );
    expect(await names('multi')).toEqual(['localhost/app:latest', 'localhost/web:latest', 'latest']);
    await writeLayout(at('multi'), pair, 'latest');
    expect((await run(['inspect', multi])).stderr).toContain(
      'hint: Choose one: localhost/app:latest, localhost/web:latest, latest.',
    );
  });

  it('is not that of the only other image, even with the same digest', async () => {
    const { at, run, names, source } = await prepare();
    const multi = `oci:${at('multi')}`;
    await run(['copy', '-q', source, `${multi}:localhost/app:1`]);
    await run(['copy', '-q', source, `${multi}:1`]);
    expect(await names('multi')).toEqual(['localhost/app:1', '1']);
  });

  it('can be a position in index.json for reading', async () => {
    const { at, run } = await prepare();
    await writeLayout(at('source'), arm64, '2');
    const [first, second] = await Promise.all(
      ['@0', '@1'].map((position) => run(['inspect', '--raw', `oci:${at('source')}:${position}`])),
    );
    expect(first?.stdout).toBe(Buffer.from(amd64.manifest.bytes).toString());
    expect(second?.stdout).toBe(Buffer.from(arm64.manifest.bytes).toString());
    expect(await run(['inspect', `oci:${at('source')}:@2`])).toMatchObject({ code: 3 });
  });

  it('may follow a path with a colon, which ends with a slash', async () => {
    const { at, run, names } = await prepare();
    await mkdir(at('a:b'));
    await writeLayout(at('a:b/one'), amd64, '1');
    const list = `oci:${at('a:b')}/out/:1.2`;
    expect(await run(['create', list, `oci:${at('a:b/one')}/`, '--push', '-q'])).toMatchObject({ code: 0 });
    expect(await names('a:b/out')).toEqual(['1.2']);
    expect(existsSync(at('a'))).toBe(false);
  });
});

describe('media types in a layout', () => {
  it.each(['oci', 'oci-archive'])(
    'are those of OCI for what is converted or created (%s)',
    async (transport) => {
      const { at, run } = await prepare();
      await writeFile(at('saved.tar'), dockerSave(keptImage(['app:1'])));
      const saved = `docker-archive:${at('saved.tar')}`;
      for (const argv of [
        ['copy', saved, `${transport}:${at('x')}:1`],
        ['create', `${transport}:${at('x')}:2`, saved, '--push'],
      ]) {
        const { code, stderr } = await run(argv);
        expect(code).toBe(0);
        expect(stderr).not.toContain('warning');
      }
      for (const tag of ['1', '2']) {
        const { stdout } = await run(['inspect', '--raw', `${transport}:${at('x')}:${tag}`]);
        expect(stdout).toContain('application/vnd.oci.image.');
        expect(stdout).not.toContain('vnd.docker');
      }
    },
  );

  it('are those of docker for a registry', async () => {
    const { directory, run, app } = await startCommandLine();
    await writeFile(join(directory, 'saved.tar'), dockerSave(keptImage(['app:1'])));
    await run(['copy', '-q', `docker-archive:${directory}/saved.tar`, `${app}:1`]);
    const { stdout } = await run(['inspect', '--raw', `${app}:1`]);
    expect(stdout).toContain('application/vnd.docker.distribution.manifest.v2+json');
    expect(stdout).not.toContain('vnd.oci');
  });

  const image = tinyImage({ architecture: 'amd64', mediaTypes: 'docker' });
  const other = tinyImage({ architecture: 'arm64', mediaTypes: 'docker' });
  const list = tinyIndex([image, other, tinyImage({ architecture: 's390x', mediaTypes: 'docker' })], {
    mediaTypes: 'docker',
  });

  it.each<[what: string, argv: readonly string[], isWarned: boolean]>([
    ['an image', ['copy', 'APP:image', 'OCI:1'], true],
    ['an image, planned', ['copy', 'APP:image', 'OCI:1', '--dry-run'], true],
    ['a list', ['copy', 'APP:list', 'OCI:1', '--tag', '2'], true],
    ['a list that is asked for', ['create', 'OCI:1', 'APP:image', '--format', 'docker', '--push'], true],
    ['an index of such images', ['create', 'OCI:1', 'APP:image', '--push'], false],
    ['a smaller index', ['copy', 'APP:list', 'OCI:1', '--platform', 'linux/amd64,linux/arm64'], false],
    ['an OCI index', ['copy', 'APP:pair', 'OCI:1'], false],
    ['a list in a registry', ['copy', 'APP:list', 'APP:2'], false],
  ])('of docker are reported once: %s', async (_, argv, isWarned) => {
    const { directory, run, app } = await startCommandLine({ images: { image, list, pair } });
    for (const layout of [`oci:${directory}/x`, `oci-archive:${directory}/x.tar`]) {
      const words = argv.map((word) => word.replace('APP', app).replace('OCI', layout));
      const { code, stderr } = await run(words);
      expect(code).toBe(0);
      expect(stderr.split('\n').filter((line) => line.startsWith('warning: '))).toEqual(
        isWarned
          ? [expect.stringMatching(/^warning: .* gets application\/vnd\.docker\..*Debian 12, do not read/)]
          : [],
      );
    }
    // What the layout has already is not reported again.
    const words = argv.map((word) => word.replace('APP', app).replace('OCI', `oci:${directory}/x`));
    if (words.includes('--push') || words.includes('--dry-run')) return;
    expect((await run(words)).stderr).not.toContain('warning');
  });
});

describe('the wrong transport', () => {
  it.each<[what: string, text: string, code: number, message: RegExp]>([
    [
      'oci: of an archive',
      'oci:DIR/layout.tar:1',
      125,
      /hint: Write oci-archive:DIR\/layout\.tar, or docker-archive:/,
    ],
    [
      'oci: of a docker archive',
      'oci:DIR/saved.tar',
      125,
      /or docker-archive:DIR\/saved\.tar if `docker save`/,
    ],
    [
      'oci: of an unpacked docker archive',
      'oci:DIR/unpacked',
      3,
      /hint: .*pack it with `tar -cf image\.tar -C DIR\/unpacked \.`/,
    ],
    ['oci: of nothing', 'oci:DIR/none', 3, /oci:DIR\/none is not an image layout: it does not exist/],
    ['oci: of another directory', 'oci:DIR/empty', 3, /it has no oci-layout file/],
    ['oci-archive: of a layout', 'oci-archive:DIR/source:1', 5, /hint: Use oci:DIR\/source for/],
    ['docker-archive: of a layout', 'docker-archive:DIR/source', 5, /hint: Use oci:DIR\/source for/],
    ['docker-archive: of an unpacked one', 'docker-archive:DIR/unpacked', 5, /hint: .*pack it with/],
    [
      'oci-archive: of a docker archive',
      'oci-archive:DIR/saved.tar',
      5,
      /use docker-archive:DIR\/saved\.tar/,
    ],
    ['oci-archive: of nothing', 'oci-archive:DIR/none.tar:1', 3, /does not exist/],
  ])('%s is explained', async (_, text, code, message) => {
    const { at, run, source, directory } = await prepare();
    await run(['copy', '-q', source, `oci-archive:${at('layout.tar')}:1`]);
    await writeFile(at('saved.tar'), dockerSave(keptImage(['app:1'])));
    for (const name of ['unpacked', 'empty']) await mkdir(at(name));
    await writeFile(at('unpacked/manifest.json'), '[]');
    const result = await run(['copy', text.replaceAll('DIR', directory), `oci:${at('out')}:1`]);
    expect(result.stderr.replaceAll(directory, 'DIR')).toMatch(message);
    expect(result).toMatchObject({ code, stdout: '' });
    expect(existsSync(at('out/index.json'))).toBe(false);
  });

  it.each([
    ['copy', 'SOURCE', 'oci:DIR/new.tar:1', '--tag', '2'],
    ['copy', 'SOURCE', 'oci:DIR/new.tar:1', '--dry-run'],
    ['create', 'oci:DIR/new.tgz', 'SOURCE', '--push', '--tag', '2'],
    ['copy', 'SOURCE', 'oci:DIR/other:1', '--tag', 'oci:DIR/new.tar.gz:1'],
  ])('a new layout named like a tar file is a warning: %s … %s', async (...argv) => {
    const { run, source, directory } = await prepare();
    const named = argv.map((word) => word.replace('SOURCE', source).replace('DIR', directory));
    const { code, stderr } = await run(named);
    expect(code).toBe(0);
    const warnings = stderr.replaceAll(directory, 'DIR').match(/^warning: .*$/gm);
    expect(warnings).toEqual([
      expect.stringMatching(
        /^warning: oci:(DIR\/new\S+) will be a directory; oci-archive:\1 writes a tar file$/,
      ),
    ]);
    if (!argv.includes('--dry-run')) expect((await run(named)).stderr).not.toContain('warning');
  });

  it('docker-archive: reads the archive of a layout', async () => {
    const { at, run, source } = await prepare();
    await run(['copy', '-q', source, `oci-archive:${at('layout.tar')}:docker.io/library/app:1`]);
    const { stdout } = await run(['inspect', '--raw', `docker-archive:${at('layout.tar')}:app:1`]);
    expect(stdout).toBe(Buffer.from(amd64.manifest.bytes).toString());
  });
});

describe('an index without some of its images', () => {
  it.each(['oci', 'oci-archive'])(
    'is refused with their platforms, and gives the others (%s)',
    async (transport) => {
      const { at, run, directory } = await prepare();
      await writeLayout(at('whole'), pair, '1');
      await rm(join(at('whole'), 'blobs', ...arm64.manifest.digest.split(':')));
      const layout = `${transport}:${at(transport === 'oci' ? 'whole' : 'part.tar')}:1`;
      if (transport === 'oci-archive') {
        const blobs = await readdir(join(at('whole'), 'blobs', 'sha256'));
        const names = ['oci-layout', 'index.json', ...blobs.map((name) => `blobs/sha256/${name}`)];
        const parts = await Promise.all(
          names.map(async (name) => ({ name, content: await readFile(join(at('whole'), name)) })),
        );
        await writeFile(at('part.tar'), tarFile(parts));
      }
      const label = layout.replace(/:1$/, '').replace(directory, 'DIR');
      const expected = `error: ${label} lacks the manifests of linux/arm64\nhint: It lists them, but does not hold them. Publish what it holds with --platform linux/amd64, or create it again with all platforms.\n`;
      const target = `oci:${at('out')}:1`;
      for (const argv of [
        ['copy', '-q', layout, target],
        ['copy', '-q', layout, target, '--dry-run'],
        ['create', '-q', target, layout, '--push'],
      ]) {
        const { code, stderr } = await run(argv);
        expect({ code, stderr: stderr.replaceAll(directory, 'DIR') }).toEqual({ code: 3, stderr: expected });
      }
      await run(['rm', target]);
      for (const argv of [
        ['copy', '-q', layout, target, '--platform', 'linux/amd64'],
        ['create', '-q', target, layout, '--platform', 'linux/amd64', '--push'],
      ]) {
        expect(await run(argv)).toMatchObject({ code: 0 });
      }
    },
  );
});
