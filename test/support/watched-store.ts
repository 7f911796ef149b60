import { MemoryStore } from '../../src/content/memory-store.js';

/** A target in memory that logs its calls in order. `before` can fail or delay a write. */
export class WatchedStore extends MemoryStore {
  readonly log: string[] = [];
  /** Called before each write, with its line of the log. */
  before: (line: string) => Promise<void> | void = () => {};

  override find(...args: Parameters<MemoryStore['find']>): ReturnType<MemoryStore['find']> {
    this.log.push(`find ${args[0]}`);
    return super.find(...args);
  }

  override async copyBlob(...args: Parameters<MemoryStore['copyBlob']>): ReturnType<MemoryStore['copyBlob']> {
    await this.#write(`blob ${args[0].digest}`);
    return super.copyBlob(...args);
  }

  override async writeManifest(
    ...args: Parameters<MemoryStore['writeManifest']>
  ): ReturnType<MemoryStore['writeManifest']> {
    const [document, { tag } = {}] = args;
    await this.#write(tag === undefined ? `manifest ${document.digest}` : `tag ${tag} ${document.digest}`);
    return super.writeManifest(...args);
  }

  get writes(): string[] {
    return this.log.filter((line) => !line.startsWith('find '));
  }

  async #write(line: string): Promise<void> {
    this.log.push(line);
    await this.before(line);
  }
}
