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

const TAR = tarFile([{ name: 'oci-layout', content: '{}' }]);

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
  'aarch64/': '',
  'build/linux-arm64/': '',
  'arm/v7/': '',
  'app.tar': TAR,
  archive: TAR,
  packed: gzipSync(TAR),
  'packed.tar.gz': gzipSync(TAR),
  'empty.tar': '',
  binary: '\u007fELF',
  'host.d/app.tar': TAR,
  'host.d/archive': TAR,
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
    ['amd64/', 'If it is an image layout, write oci:amd64/.'],
    ['./amd64', 'If it is an image layout, write oci:./amd64.'],
    ['aarch64', 'If it is an image layout, write oci:aarch64.'],
    ['build/linux-arm64', 'If it is an image layout, write oci:build/linux-arm64.'],
    ['arm/v7', 'If it is an image layout, write oci:arm/v7.'],
    ['layout:1.2', 'Write oci:layout:1.2.'],
    [`layout@${digest}`, `Write oci:layout@${digest}.`],
    ['app.tar', 'Write oci-archive:app.tar, or docker-archive:app.tar if `docker save` wrote it.'],
    ['app.tar:1.2', 'Write oci-archive:app.tar:1.2, or docker-archive:app.tar:1.2 if'],
    [`app.tar@${digest}`, `Write oci-archive:app.tar@${digest}, or`],
    ['archive', 'Write oci-archive:archive, or'],
    ['archive:1.2', 'Write oci-archive:archive:1.2, or'],
    ['packed', 'Write oci-archive:packed, or'],
    ['packed.tar.gz', 'Write oci-archive:packed.tar.gz, or'],
    ['empty.tar', 'Write oci-archive:empty.tar, or'],
    ['host.d/app.tar', 'Write oci-archive:host.d/app.tar, or'],
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
    'amd64:1.2',
    'host.d/archive',
    'folder',
    'folder:1.2',
    'folder2',
    'binary',
    'missing.tar',
    'docker.io/library/layout',
    'r.example/app',
    'docker:dind',
    'registry:2',
    'oci:layout',
    'oci-archive:app.tar',
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
    ['create', app, `${app}:1`, '--push', '--tag', 'app.tar:1'],
    ['copy', 'layout', app],
    ['copy', `${app}:1`, 'layout'],
    ['inspect', 'layout'],
    ['push', 'layout'],
    ['diff', 'layout', 'layout'],
    ['validate', 'layout'],
    ['annotate', 'layout', '--annotation', 'a=b'],
    ['rm', 'layout'],
    ['undo', 'layout'],
    ['copy', `${app}:1`, 'oci:app.tar:1'],
    ['copy', `${app}:1`, 'oci:app.tar:1', '--dry-run'],
    ['copy', 'oci:app.tar:1', app],
    ['create', 'oci:app.tar:1', `${app}:1`],
    ['create', 'oci:app.tar:1', `${app}:1`, '--push'],
    ['create', app, `${app}:1`, '--push', '--tag', 'oci:app.tar:2'],
    ['inspect', 'oci:app.tar'],
    ['validate', 'oci:app.tar:1'],
    ['diff', 'oci:app.tar:1', 'oci:app.tar:2'],
    ['validate', 'app.tar'],
    ['validate', './packed.tar.gz'],
    ['create', app, '-f', 'app.tar'],
    ['diff', 'app.tar', 'app.tar'],
  ]) {
    const { code, stderr } = await run(argv);
    expect([argv, code, stderr, registry.requests]).toEqual([
      argv,
      125,
      expect.stringContaining('hint: '),
      [],
    ]);
  }
});
