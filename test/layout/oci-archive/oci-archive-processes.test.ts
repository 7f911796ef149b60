import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { parseTag } from '../../../src/oci/reference.js';
import { makeOciArchiveProcesses, type OciArchiveProcesses } from '../../support/oci-archive-process.js';
import { run } from '../../support/run.js';
import { readAll } from '../../contract/contract-content.js';
import { archivePath, openOciArchive } from './temporary-oci-archive.js';

let processes: OciArchiveProcesses;
beforeAll(async () => {
  processes = await makeOciArchiveProcesses();
});
afterAll(() => processes.remove());

/** The tags of the complete images of an archive. */
async function wholeTags(path: string): Promise<string[]> {
  const archive = openOciArchive(path);
  const names = await archive.names();
  for (const name of names) {
    const document = await archive.readManifest(parseTag(name));
    if (document.kind !== 'manifest') throw new Error(`${name} is no image`);
    const { config, layers } = document.value;
    for (const blob of [config, ...layers]) await readAll(await archive.openBlob(blob));
  }
  return [...names];
}

describe('several processes on one archive', () => {
  it('lose no image of each other', async () => {
    const path = await archivePath();
    const groups = ['a', 'b', 'c'].map((name) => [0, 1, 2].map((number) => `${name}-${number}`));
    for (const { error } of await Promise.all(groups.map((tags) => processes.finish({ path, tags })))) {
      expect(error).toBeUndefined();
    }
    expect((await wholeTags(path)).toSorted()).toEqual(groups.flat());
    expect(await readdir(join(path, '..'))).toEqual(['images.tar']);
  });
});

describe.runIf(process.platform !== 'win32')('a disk that is full', () => {
  it.each([
    // The limit is on the size of a file, in blocks of 512 bytes: the layer alone is too large, or the archive.
    ['for a blob', 100_000, 64, 'blob sha256:'],
    ['for the archive', 20_000, 64, ''],
  ])('%s does not change the archive', async (_what, layerSize, limit, what) => {
    const path = await archivePath();
    await processes.finish({ path, tags: ['old'], layerSize: 20_000 });
    const before = await readFile(path);
    const command = processes.commandLine({ path, tags: ['new'], layerSize });
    const { stdout, stderr } = await run('sh', ['-c', `ulimit -f ${limit} && exec "$@"`, 'sh', ...command]);
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toMatchObject({
      error: {
        kind: 'failed',
        message: expect.stringMatching(`^cannot write ${what}.*${path}: the file size limit`) as string,
      },
    });
    expect(await readFile(path)).toEqual(before);
    expect(await readdir(join(path, '..'))).toEqual(['images.tar']);
  });
});
