import { MemoryStore } from '../../src/content/memory-store.js';

/** A store that writes down, in order, what was done to it, and may be told to fail or to wait. */
export class WatchedStore extends MemoryStore {
  readonly log: string[] = [];
  /** Called before each write, with its line of the log. */
  before: (line: string) => Promise<void> | void = () => {};

  override find(...words: Parameters<MemoryStore['find']>): ReturnType<MemoryStore['find']> {
    this.log.push(`find ${words[0]}`);
    return super.find(...words);
  }

  override async copyBlob(
    ...words: Parameters<MemoryStore['copyBlob']>
  ): ReturnType<MemoryStore['copyBlob']> {
    await this.#write(`blob ${words[0].digest}`);
    return super.copyBlob(...words);
  }

  override async writeManifest(
    ...words: Parameters<MemoryStore['writeManifest']>
  ): ReturnType<MemoryStore['writeManifest']> {
    const [document, { tag } = {}] = words;
    await this.#write(tag === undefined ? `manifest ${document.digest}` : `tag ${tag} ${document.digest}`);
    return super.writeManifest(...words);
  }

  get writes(): string[] {
    return this.log.filter((line) => !line.startsWith('find '));
  }

  async #write(line: string): Promise<void> {
    this.log.push(line);
    await this.before(line);
  }
}
