import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { ImageLayout } from '../../src/layout/directory/image-layout.js';
import { describeTargetContract } from './target-contract.js';
import { sharedDirectory } from '../support/sandbox.js';

describeTargetContract('ImageLayout', async () => {
  const { directory, remove } = await sharedDirectory();
  const path = join(directory, 'layout');
  return {
    target: new ImageLayout({ path }),
    reopen: async () => new ImageLayout({ path }),
    tamper: async (digest) => {
      const blob = join(path, 'blobs', ...digest.split(':'));
      const bytes = await readFile(blob);
      bytes.writeUInt8(bytes.readUInt8(0) ^ 1, 0);
      await writeFile(blob, bytes);
    },
    leftovers: async () => {
      const names = await readdir(directory, { recursive: true });
      return names.filter(
        (name) => !/^layout(\/(oci-layout|index\.json|blobs(\/[a-z0-9]+(\/[0-9a-f]+)?)?))?$/.test(name),
      );
    },
    close: remove,
  };
});
