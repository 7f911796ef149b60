import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { describe, expect, it, onTestFinished, vi } from 'vitest';

import { MISSING_PATH_HINT } from '../../../src/oci/errors.js';
import { dockerSave, keptImage, listed, savedParts } from '../../support/docker-save.js';
import { amd64, arm64 } from '../../support/images.js';
import { makeCommandLine, type InProcessResult } from '../../support/in-process.js';
import { dockerNames, layoutArchive, listedImage } from '../../support/saved-layout.js';
import { tarFile, type TarPart } from '../../support/tar-file.js';

const entry = listedImage(amd64, dockerNames('docker.io/acme/app:1.2'));
const LAYOUT = layoutArchive([entry]);
const [manifestBytes, configBytes, layerBytes] = entry.blobs;
const kept = keptImage(['acme/app:arm64']);
const SAVED = dockerSave(kept);
const NO_DIGEST = `sha256:${'0'.repeat(64)}`;
const VERSION = { name: 'oci-layout', content: '{"imageLayoutVersion":"1.0.0"}' };

type Kind = 'oci' | 'docker';

/** A command line whose temporary files go into a directory of its own. */
async function prepare() {
  const { directory, run } = await makeCommandLine();
  const temporary = join(directory, 'tmp');
  const beside = join(directory, 'beside');
  for (const path of [temporary, beside]) await mkdir(path);
  vi.stubEnv('TMPDIR', temporary);
  onTestFinished(() => {
    vi.unstubAllEnvs();
  });
  const source = join(directory, 'bad.tar');
  return {
    directory,
    run,
    source,
    /** Copies what is in the file into each kind of target; gives what it prints to people. */
    refused: async (kind: Kind, suffix = ''): Promise<{ readonly code: number; readonly text: string }> => {
      let result: InProcessResult | undefined;
      for (const target of ['oci-archive', 'oci']) {
        const args = [`${kind}-archive:${source}${suffix}`, `${target}:${beside}/target:1`];
        result = await run(['copy', '-q', ...args]);
        expect(result).toMatchObject({ stdout: '', stderr: expect.not.stringMatching(/^ +at /m) });
        expect(result.stderr).not.toContain('bug in multiarch');
        expect(result.code).not.toBe(0);
        // A layout may be there, with whole blobs that came before; it lists nothing.
        const files = await readdir(beside, { recursive: true });
        expect(files.filter((name) => /tmp|lock/.test(name) || name.endsWith('.tar'))).toEqual([]);
        const index = await readFile(join(beside, 'target', 'index.json'), 'utf8').catch(() => '');
        expect(index).not.toContain('sha256:');
        if (target === 'oci-archive') expect(files).toEqual([]);
        expect(await readdir(temporary)).toEqual([]);
        await rm(join(beside, 'target'), { recursive: true, force: true });
      }
      const { code = 0, stderr = '' } = result ?? {};
      return { code, text: stderr.replaceAll(directory, '/work') };
    },
  };
}

function withParts(...parts: readonly TarPart[]): Buffer {
  return layoutArchive([entry], parts);
}

function savedWith(...parts: readonly TarPart[]): Buffer {
  return tarFile([...savedParts([kept]), ...parts]);
}

function savedWithout(matches: (name: string) => boolean): Buffer {
  return tarFile(savedParts([kept]).filter(({ name }) => !matches(name)));
}

function savedAs(manifest: string | object): Buffer {
  const content = typeof manifest === 'string' ? manifest : JSON.stringify(manifest);
  return tarFile([
    ...savedParts([kept]).filter(({ name }) => name !== 'manifest.json'),
    { name: 'manifest.json', content },
  ]);
}

/** With one byte changed: the first of this text. */
function spoilt(bytes: Uint8Array, text: string): Buffer {
  const copy = Buffer.from(bytes);
  const position = copy.indexOf(text);
  if (position < 0) throw new Error(`there is no ${text} to spoil`);
  copy.writeUInt8(copy.readUInt8(position) ^ 1, position);
  return copy;
}

function startingWith(bytes: readonly number[]): Buffer {
  return Buffer.concat([Buffer.from(bytes), Buffer.alloc(2000, 1)]);
}

function withoutBlob(missing: Uint8Array | undefined): Buffer {
  return layoutArchive([{ ...entry, blobs: entry.blobs.filter((blob) => blob !== missing) }]);
}

const ZIP = startingWith([0x50, 0x4b, 3, 4]);

describe('an archive', () => {
  it.each<[name: string, kind: Kind, content: Uint8Array, code: number, suffix?: string]>([
    ['with a wrong byte in a layer', 'oci', spoilt(LAYOUT, 'Hello from'), 5],
    ['with a wrong byte in a config', 'oci', spoilt(LAYOUT, '2024-01-01'), 5],
    ['with a wrong byte in a manifest', 'oci', spoilt(LAYOUT, 'vnd.oci.image.layer'), 5],
    ['with a wrong byte in a layer', 'docker', spoilt(SAVED, 'hello\0'), 5],
    ['whose index.json points to a missing manifest', 'oci', withoutBlob(manifestBytes), 3],
    ['without the config', 'oci', withoutBlob(configBytes), 3],
    ['without the layer', 'oci', withoutBlob(layerBytes), 3],
    ['without the config', 'docker', savedWithout((name) => /^[0-9a-f]{64}/.test(name)), 5],
    ['without the layer', 'docker', savedWithout((name) => name.endsWith('layer.tar')), 5],
    [
      'whose config is said to be outside',
      'docker',
      savedAs([{ ...listed(kept), Config: '../../etc/passwd' }]),
      5,
    ],
    [
      'whose layers are said to be outside',
      'docker',
      savedAs([{ ...listed(kept), Layers: ['/etc/passwd'] }]),
      5,
    ],
    ['with fewer layers than the config says', 'docker', savedAs([{ ...listed(kept), Layers: [] }]), 5],
    ['with half a manifest.json', 'docker', savedAs('{'), 5],
    ['with another manifest.json', 'docker', savedAs({ schemaVersion: 2 }), 5],
    ['of no image', 'docker', savedAs([]), 3],
    [
      'of no image',
      'oci',
      tarFile([{ name: 'index.json', content: '{"schemaVersion":2,"manifests":[]}' }, VERSION]),
      3,
    ],
    ['without index.json', 'oci', tarFile([VERSION]), 3],
    ['with half an index.json', 'oci', tarFile([{ name: 'index.json', content: '{' }, VERSION]), 5],
    ['with an entry ../x', 'oci', withParts({ name: '../x', content: 'x' }), 5],
    ['with an entry a/../../x', 'oci', withParts({ name: 'a/../../x', content: 'x' }), 5],
    ['with an absolute entry', 'oci', withParts({ name: '/etc/x', content: 'x' }), 5],
    ['with an entry ../x', 'docker', savedWith({ name: '../x', content: 'x' }), 5],
    [
      'with a symbolic link out of it',
      'oci',
      withParts({ name: 'x', type: '2', target: '../../etc/passwd' }),
      5,
    ],
    ['with a hard link out of it', 'oci', withParts({ name: 'x', type: '1', target: '/etc/passwd' }), 5],
    [
      'with a symbolic link out of it',
      'docker',
      savedWith({ name: 'a/x', type: '2', target: '../../etc/passwd' }),
      5,
    ],
    [
      'of two images, and no name said',
      'oci',
      layoutArchive([entry, listedImage(arm64, dockerNames('docker.io/acme/app:1.3'))]),
      125,
    ],
    ['of two images without names', 'oci', layoutArchive([listedImage(amd64), listedImage(arm64)]), 125],
    ['of two images, and no name said', 'docker', dockerSave(kept, keptImage(['acme/other:2'], ['x'])), 125],
    ['of two images without names', 'docker', dockerSave(keptImage(null), keptImage(null, ['x'])), 125],
    ['without this tag', 'oci', LAYOUT, 3, ':1.3'],
    ['without this name', 'docker', SAVED, 3, ':acme/app:1.3'],
    ['without this digest', 'oci', LAYOUT, 3, `@${NO_DIGEST}`],
    ['without this digest', 'docker', SAVED, 3, `@${NO_DIGEST}`],
    ['of docker save, said to be a layout', 'oci', SAVED, 5],
    ['that is empty', 'oci', Buffer.alloc(0), 5],
    ['of zeros', 'oci', Buffer.alloc(10_240), 5],
    ['of zeros', 'docker', Buffer.alloc(10_240), 5],
    ['that is a zip file', 'oci', ZIP, 5],
    ['that is a zip file', 'docker', ZIP, 5],
    ['that is compressed with xz', 'oci', startingWith([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]), 5],
    ['that is a page in HTML', 'oci', Buffer.from('<html>'.padEnd(5000, ' Sign in')), 5],
    ['that is compressed, but no tar file', 'oci', gzipSync('hello'), 5],
  ])('%s (%s) is refused, and leaves nothing', async (_name, kind, content, code, suffix) => {
    const { source, refused } = await prepare();
    await writeFile(source, content);
    const result = await refused(kind, suffix);
    expect(result.code).toBe(code);
    expect(`\n${result.text}`).toMatchSnapshot();
  });

  it.each<Kind>(['oci', 'docker'])('that is a directory (%s) is refused', async (kind) => {
    const { source, refused } = await prepare();
    await mkdir(source);
    expect(await refused(kind)).toEqual({
      code: 5,
      text: 'error: /work/bad.tar is a directory, not an archive\nhint: Use oci:/work/bad.tar for an image layout directory.\n',
    });
  });

  it.each<Kind>(['oci', 'docker'])('that is missing (%s) is not found', async (kind) => {
    const { refused } = await prepare();
    expect(await refused(kind)).toEqual({
      code: 3,
      text:
        kind === 'oci'
          ? `error: oci-archive:/work/bad.tar does not exist\nhint: ${MISSING_PATH_HINT}\n`
          : `error: no such file: /work/bad.tar\nhint: ${MISSING_PATH_HINT}\n`,
    });
  });

  describe.each([
    { kind: 'oci' as const, form: 'plain', whole: LAYOUT, needless: 1024 },
    { kind: 'docker' as const, form: 'plain', whole: SAVED, needless: 2048 },
    { kind: 'oci' as const, form: 'gzip', whole: gzipSync(LAYOUT), needless: 0 },
    { kind: 'docker' as const, form: 'gzip', whole: gzipSync(SAVED), needless: 0 },
  ])('of $kind, $form, that is cut off', ({ kind, form, whole, needless }) => {
    // Nothing else is missing without the zero blocks at the end, or without the `repositories` file of docker save.
    const end = whole.length - needless;
    const step = Math.ceil(end / 24);
    const cuts = Array.from({ length: Math.ceil(end / step) }, (_, index) => index * step);
    // And between two entries, where nothing but what is missing tells.
    if (form === 'plain') for (let at = 512; at < end; at += 512) cuts.push(at);

    it('anywhere is refused, says so, and leaves nothing', async () => {
      const { source, refused } = await prepare();
      for (const cut of new Set([...cuts, end - 1])) {
        await writeFile(source, whole.subarray(0, cut));
        const { code, text } = await refused(kind);
        expect([cut, code]).toEqual([cut, 5]);
        expect(text).toMatch(/^error: (?:docker-archive:)?\/work\/bad\.tar /);
        expect(text).toMatch(/truncated|is empty|not a tar file/);
        expect(text).toContain('\nhint: ');
      }
    }, 60_000);
  });
});

describe('a target', () => {
  it.each<[name: string, target: string, code: number, text: RegExp]>([
    [
      'archive in a directory that is a file',
      'oci-archive:DIR/good.tar/x.tar:1',
      1,
      /a part of the path is not a directory\nhint: /,
    ],
    [
      'layout that is a file',
      'oci:DIR/good.tar:1',
      125,
      /is a file, not the directory of an image layout\nhint: Write oci-archive:DIR\/good\.tar, or docker-archive:/,
    ],
    [
      'archive that is a directory',
      'oci-archive:DIR/tmp:1',
      5,
      /is a directory, not an archive\nhint: .*oci:DIR\/tmp for/,
    ],
    ['archive that is a zip file', 'oci-archive:DIR/zip.tar:1', 5, /is a zip file, not a tar file\nhint: /],
    [
      'archive that docker save wrote',
      'oci-archive:DIR/saved.tar:1',
      5,
      /is not the archive of an image layout/,
    ],
    [
      'archive that can only be read',
      'docker-archive:DIR/new.tar',
      125,
      /can only be read.*\nhint: Publish to a registry/,
    ],
    ['daemon', 'docker-daemon:app:1', 125, /can only be read.*\nhint: Publish to a registry/],
  ])('%s is refused, and stays as it was', async (_name, target, code, text) => {
    const { directory, run } = await prepare();
    const files = { 'good.tar': LAYOUT, 'zip.tar': ZIP, 'saved.tar': SAVED };
    for (const [name, content] of Object.entries(files)) await writeFile(join(directory, name), content);
    const before = await readdir(directory);

    const args = [`oci-archive:${directory}/good.tar`, target.replace('DIR', directory)];
    const result = await run(['copy', '-q', ...args]);

    expect(result).toMatchObject({ code, stdout: '' });
    expect(result.stderr.replaceAll(directory, 'DIR')).toMatch(text);
    expect(result.stderr).not.toContain('bug in multiarch');
    expect(await readdir(directory)).toEqual(before);
    expect((await stat(join(directory, 'tmp'))).isDirectory()).toBe(true);
    for (const [name, content] of Object.entries(files)) {
      expect((await readFile(join(directory, name))).equals(content)).toBe(true);
    }
  });
});
