import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';

import { expect, it } from 'vitest';

import { StagingDirectory } from '../../../src/layout/oci-archive/staging-directory.js';
import { digestOf } from '../../../src/oci/digest.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

it.skipIf(process.platform === 'win32')('can be read by its owner only', async () => {
  const directory = await temporaryDirectory();
  const staging = new StagingDirectory(join(directory, 'images.tar'));
  const bytes = Buffer.from('blob');
  await staging.write(
    { mediaType: 'any', digest: digestOf(bytes), size: bytes.length },
    Readable.from([bytes]),
  );
  const names = await readdir(directory);
  expect(names).toHaveLength(1);
  expect((await stat(join(directory, ...names))).mode & 0o777).toBe(0o700);
  staging.close();
});
