import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { Descriptor } from '../../src/oci/descriptor.js';
import type { Digest } from '../../src/oci/digest.js';
import { OciArchive } from '../../src/layout/oci-archive/oci-archive.js';
import { describeTargetContract, type TargetUnderTest } from './target-contract.js';
import { sharedDirectory } from '../support/sandbox.js';

/** An archive that is committed after each manifest. */
class CommittedArchive extends OciArchive {
  override async writeManifest(...args: Parameters<OciArchive['writeManifest']>): Promise<Descriptor> {
    const descriptor = await super.writeManifest(...args);
    await this.commit();
    return descriptor;
  }
}

describeTargetContract('OciArchive', () => makeArchive(OciArchive));
describeTargetContract('OciArchive, committed each time', () => makeArchive(CommittedArchive));

async function makeArchive(Kind: typeof OciArchive): Promise<TargetUnderTest> {
  const { directory, remove } = await sharedDirectory();
  const path = join(directory, 'images.tar');
  const opened: OciArchive[] = [];
  function open(): OciArchive {
    const archive = new Kind({ path });
    opened.push(archive);
    return archive;
  }
  return {
    target: open(),
    reopen: async () => open(),
    tamper: async (digest) => {
      for (const name of await readdir(directory, { recursive: true })) {
        if (name === 'images.tar' || name.endsWith(digest.slice('sha256:'.length))) {
          await changeByte(join(directory, name), digest);
        }
      }
    },
    leftovers: async () => {
      const names = await readdir(directory, { recursive: true });
      return names.filter(
        (name) =>
          !/^(images\.tar|\.multiarch-tmp-[0-9a-f-]+(\/blobs(\/[a-z0-9]+(\/[0-9a-f]+)?)?)?)$/.test(name),
      );
    },
    close: async () => {
      for (const archive of opened) archive.close();
      const left = (await readdir(directory)).filter((name) => name !== 'images.tar');
      await remove();
      if (left.length > 0) throw new Error(`left behind: ${left.join(', ')}`);
    },
  };
}

/** Changes the first byte of a blob, in a tar file or in its own file. The file is not replaced, because it may be open. */
async function changeByte(path: string, digest: Digest): Promise<void> {
  const bytes = await readFile(path);
  const header = bytes.indexOf(`blobs/${digest.replace(':', '/')}\0`);
  const start = header === -1 ? 0 : header + 512;
  if (header === -1 && path.endsWith('.tar')) return;
  bytes.writeUInt8(bytes.readUInt8(start) ^ 1, start);
  await writeFile(path, bytes);
}
