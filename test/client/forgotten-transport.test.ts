import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { checkTransport } from '../../src/client/forgotten-transport.js';
import { ArgumentError } from '../../src/oci/errors.js';
import { thrownBy } from '../support/failure.js';
import { startCommandLine } from '../support/in-process.js';
import { amd64 } from '../support/images.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { tarFile } from '../support/tar-file.js';

let directory: string;
const home = process.cwd();
beforeEach(async () => {
  directory = await temporaryDirectory();
  process.chdir(directory);
});
afterEach(() => process.chdir(home));

const digest = `sha256:${'ab'.repeat(32)}`;

/** Files by path; a path that ends with a slash is a directory. */
const FILES: Readonly<Record<string, Buffer | string>> = {
  'layout/oci-layout': '{"imageLayoutVersion":"1.0.0"}',
  'dist/arm64/index.json': '{}',
  'dist/arm64/blobs/': '',
  'amd64/': '',
  'folder/': '',
  'folder2/index.json': '{}',
  'copied/version': 'Directory Transport Version: 1.1\n',
  'copied/manifest.json': '{}',
  'oci.tar': tarFile([
    { name: 'blobs/', content: '' },
    { name: './oci-layout', content: '{}' },
  ]),
  'docker.tar': tarFile([
    { name: 'a/layer.tar', content: 'x'.repeat(700) },
    { name: 'manifest.json', content: '[]' },
  ]),
  'both.tar': tarFile([
    { name: 'oci-layout', content: '{}' },
    { name: 'manifest.json', content: '[]' },
  ]),
  archive: tarFile([{ name: 'oci-layout', content: '{}' }]),
  'packed.tar.gz': gzipSync(tarFile([{ name: 'oci-layout', content: '{}' }])),
  'empty.tar': '',
  binary: '\u007fELF',
  'host.d/app.tar': tarFile([{ name: 'oci-layout', content: '{}' }]),
  'r.example/app/oci-layout': '{}',
};

async function writeAll(): Promise<void> {
  for (const [path, content] of Object.entries(FILES)) {
    await mkdir(join(directory, path.endsWith('/') ? path : join(path, '..')), { recursive: true });
    if (!path.endsWith('/')) await writeFile(join(directory, path), content);
  }
}

describe('a name without its transport', () => {
  it.each([
    ['layout', 'Write oci:layout or oci:layout:TAG. '],
    ['./layout', 'Write oci:./layout or oci:./layout:TAG.'],
    ['dist/arm64', 'Write oci:dist/arm64 or'],
    ['amd64', 'If it is an image layout, write oci:amd64.'],
    ['copied', 'Copy it first: skopeo copy --all dir:copied oci:DIR:TAG.'],
    ['oci.tar', 'Write oci-archive:oci.tar.'],
    ['oci.tar:1.2', 'Write oci-archive:oci.tar:1.2.'],
    [`oci.tar@${digest}`, `Write oci-archive:oci.tar@${digest}.`],
    ['docker.tar', 'Write docker-archive:docker.tar.'],
    ['both.tar', 'Write oci-archive:both.tar or docker-archive:both.tar.'],
    ['archive', 'Write oci-archive:archive.'],
    ['packed.tar.gz', 'Write oci-archive:packed.tar.gz or docker-archive:packed.tar.gz.'],
    ['empty.tar', 'Write oci-archive:empty.tar or docker-archive:empty.tar.'],
    ['host.d/app.tar', 'Write oci-archive:host.d/app.tar.'],
    ['dir:z', 'A repository of this name is docker://dir:z.'],
    ['dir:/srv/app', 'skopeo copy --all dir:/srv/app oci:DIR:TAG'],
    ['containers-storage:localhost/x', 'Copy it first: skopeo copy --all containers-storage:localhost/x'],
    ['ostree:x', 'skopeo'],
    ['sif:x.sif', 'skopeo'],
    ['tarball:x.tar', 'skopeo'],
  ])('is refused with a hint: %s', async (name, hint) => {
    await writeAll();
    const error = thrownBy(() => checkTransport(name), ArgumentError);
    expect(error.hint).toContain(hint);
    expect(() => checkTransport(`docker://${name}`)).not.toThrow();
  });

  it.each([
    'app',
    'app:1.2',
    'layout:1.2',
    `layout@${digest}`,
    'amd64:1.2',
    'folder',
    'folder:1.2',
    'folder2',
    'binary',
    'archive:1.2',
    'missing.tar',
    'docker.io/library/layout',
    'r.example/app',
    'docker:dind',
    'registry:2',
    'oci:layout',
    'oci-archive:oci.tar',
    digest,
  ])('is not %s', async (name) => {
    await writeAll();
    expect(() => checkTransport(name)).not.toThrow();
  });
});

it('is refused by every command before any request', async () => {
  await writeAll();
  const { run, app, registry } = await startCommandLine({ images: { '1': amd64 } });
  for (const argv of [
    ['create', app, 'layout'],
    ['create', 'oci:out:1', `${app}:1`, 'dir:z'],
    ['create', 'layout', `${app}:1`],
    ['create', app, '--from', 'layout'],
    ['create', app, `${app}:1`, '--push', '--tag', 'oci.tar:1'],
    ['copy', 'layout', app],
    ['copy', `${app}:1`, 'layout'],
    ['inspect', 'layout'],
    ['push', 'layout'],
    ['diff', 'layout', app],
    ['validate', 'layout'],
    ['annotate', 'layout', '--annotation', 'a=b'],
    ['rm', 'layout'],
    ['undo', 'layout'],
  ]) {
    const { code, stderr } = await run(argv);
    expect([argv, code, stderr]).toEqual([argv, 125, expect.stringContaining('hint: ')]);
  }
  expect(registry.requests).toEqual([]);
});
