import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { beforeEach, describe, expect, it } from 'vitest';

import { writeFormulas } from '../../release/packages/formulas.js';
import { failureOf } from '../support/failure.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const ARCHIVES = [
  'darwin-amd64.tar.gz',
  'darwin-arm64.tar.gz',
  'linux-amd64.tar.gz',
  'linux-arm64.tar.gz',
  'windows-amd64.zip',
];

describe('the recipes of package managers', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await temporaryDirectory();
    for (const name of ARCHIVES) await writeFile(join(directory, `multiarch-1.2.3-${name}`), name);
  });

  it.each(['multiarch.rb', 'multiarch.json', 'multiarch.nix'])(
    'include %s with URLs and checksums',
    async (name) => {
      const files = await writeFormulas({ version: '1.2.3', directory, sourceDate: 0 });
      expect(files).toContain(join(directory, name));
      await expect(await readFile(join(directory, name), 'utf8')).toMatchFileSnapshot(`formulas/${name}`);
    },
  );

  it('cannot be written before the archives', async () => {
    const error = await failureOf(writeFormulas({ version: '9.9.9', directory, sourceDate: 0 }), Error);
    expect(error.message).toContain('multiarch-9.9.9-');
  });
});
