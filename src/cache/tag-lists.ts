import { createHash } from 'node:crypto';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { writeFileAtomically } from '../files/atomic-write.js';
import { ifExists } from '../files/file-error.js';
import { MODES } from '../files/make-directory.js';
import { readOwnFile } from '../files/own-file.js';
import { makePrivateDirectory } from '../files/private-directory.js';
import { sweep } from '../files/sweep.js';
import { isTag } from '../oci/reference.js';
import { TAGS } from './cache-usage.js';

/** In milliseconds: a list is for the next words that the user types. */
const MAX_AGE = 30_000;
/** In bytes. */
const MAX_SIZE = 1024 * 1024;

/**
 * Lists of tags for completion, kept for half a minute in the cache directory. Nothing else reads them: a tag may have moved or
 * vanished.
 */
export class TagLists {
  readonly #root: string;

  /** @param directory the cache directory of the program */
  constructor(directory: string) {
    this.#root = directory;
  }

  /** Returns the kept list; `undefined` if there is no recent one that can be trusted. */
  async find(repository: string): Promise<readonly string[] | undefined> {
    const directory = await this.#open();
    const file = await readOwnFile(join(directory, fileName(repository)), MAX_SIZE).catch(() => undefined);
    if (file === undefined) return undefined;
    const age = Date.now() - file.mtimeMs;
    if (age < 0 || age > MAX_AGE) return undefined;
    return file.bytes.toString('utf8').split('\n').filter(isTag);
  }

  /** Keeps a list, and removes those that are too old. */
  async keep(repository: string, tags: readonly string[]): Promise<void> {
    const directory = await this.#open();
    await sweep(directory);
    for (const name of await readdir(directory)) {
      const path = join(directory, name);
      const stats = await ifExists(() => stat(path));
      if (stats !== undefined && Date.now() - stats.mtimeMs > MAX_AGE) await rm(path, { force: true });
    }
    await writeFileAtomically(join(directory, fileName(repository)), Buffer.from(tags.join('\n')), {
      temporaryDirectory: directory,
      mode: MODES.privateFile,
      isDurable: false,
    });
  }

  async #open(): Promise<string> {
    await makePrivateDirectory(this.#root);
    const directory = join(this.#root, TAGS);
    await makePrivateDirectory(directory);
    return directory;
  }
}

function fileName(repository: string): string {
  return createHash('sha256').update(repository).digest('hex');
}
