import { InvalidError } from '../../oci/errors.js';
import type { TarEntry } from './tar-headers.js';

/** Where a file's content is, in bytes. */
export interface Span {
  readonly start: number;
  readonly size: number;
}

/** A symbolic link, by the names to go through from where it is, `..` among them. */
type Link = readonly string[];

/** A name, or what only has names below it. A tree of them, so that a way costs no more than its steps. */
interface PathNode {
  readonly parent: PathNode | undefined;
  /** Made when there is something to be in it: most places are files. */
  below: Map<string, PathNode> | undefined;
  entry: Span | Link | undefined;
}

/**
 * How many names lead to a file at most, those that the links on the way state among them: a loop of links is as many and
 * more. Links of docker have three.
 */
const MAX_STEPS = 255;
/** Of a name, or of what a link states, in characters. Linux has no longer paths. */
const MAX_PATH = 4096;
/**
 * More than any archive of images has, and few enough to be held in memory: of a compressed one of a few megabytes, they
 * could be millions.
 */
const MAX_FILES = 250_000;
/** Of all names together, in parts: what is between slashes. Archives of images have three a file. */
const MAX_PARTS = 4 * MAX_FILES;

/**
 * The files of an archive by their names: which entry counts where several have one name, and what links stand for.
 * Nothing of it ever touches the file system.
 */
export class TarPathIndex {
  readonly #label: string;
  readonly #root: PathNode = { parent: undefined, below: undefined, entry: undefined };
  readonly #entries = new Map<string, PathNode>();
  #parts = 0;

  /** @param label of the archive, for messages */
  constructor(label: string) {
    this.#label = label;
  }

  /**
   * Takes in the next entry. The last one of a name counts.
   * @throws InvalidError where its name or where it leads is not in the archive
   */
  add(entry: TarEntry): void {
    const parts = this.#partsOf(entry);
    const name = parts.join('/');
    const found = this.#content(entry, parts);
    this.#parts += parts.length;
    if (this.#parts > MAX_PARTS) throw this.#tooMany(`${MAX_PARTS} parts in its names`);
    // A directory too: links may lead through one that is empty.
    const place = this.#make(parts);
    place.entry = found;
    // Also where it is there already: the order is that of the entries that count.
    this.#entries.delete(name);
    if (found !== undefined) this.#entries.set(name, place);
    if (this.#entries.size > MAX_FILES) throw this.#tooMany(`${MAX_FILES} files`);
  }

  /**
   * To be called when all entries are in.
   * @throws InvalidError for a symbolic link that leads out of the archive by way of others
   */
  check(): void {
    for (const [name, { entry }] of this.#entries) {
      if (entry !== undefined && isLink(entry) && this.#walk(name.split('/')) === 'outside')
        throw this.#leadsOut(name, entry.join('/'));
    }
  }

  /** In the order of the entries that count. */
  files(): string[] {
    return [...this.#entries.keys()].filter((name) => this.find(name) !== undefined);
  }

  /** `undefined` where there is no file of this name. */
  find(name: string): Span | undefined {
    // Most names are just that; for the others, the way may go through links.
    const direct = this.#entries.get(name)?.entry;
    if (direct !== undefined && !isLink(direct)) return direct;
    const parts = relativeParts(name);
    if (parts === undefined || parts.includes('..')) return undefined;
    const found = this.#walk(parts);
    return found === 'outside' ? undefined : found;
  }

  /** What a name stands for from now on; `undefined` for what is no file. */
  #content(entry: TarEntry, parts: readonly string[]): Span | Link | undefined {
    const { type, target, start, size } = entry;
    switch (type) {
      case 'file':
        return { start, size };
      case 'hard-link': {
        const link = relativeParts(target);
        if (link === undefined || link.includes('..')) throw this.#leadsOut(entry.name, target);
        // As it is now: whatever gets the target's name later is another file.
        return this.find(link.join('/'));
      }
      case 'symbolic-link': {
        const link = relativeParts(target);
        if (link === undefined || climbsOut([...parts.slice(0, -1), ...link])) {
          throw this.#leadsOut(entry.name, target);
        }
        return link;
      }
      case 'other':
        return undefined;
    }
  }

  #make(parts: readonly string[]): PathNode {
    let here = this.#root;
    for (const part of parts) {
      const below: Map<string, PathNode> = (here.below ??= new Map());
      const there = below.get(part) ?? { parent: here, below: undefined, entry: undefined };
      below.set(part, there);
      here = there;
    }
    return here;
  }

  /**
   * Goes from the root through these names, and through what symbolic links on the way have in their place. Ends where
   * there is nothing of the next name.
   */
  #walk(names: readonly string[]): Span | 'outside' | undefined {
    const ahead = names.toReversed();
    let here = this.#root;
    for (let steps = 0; steps < MAX_STEPS; steps += 1) {
      const name = ahead.pop();
      if (name === undefined) return undefined;
      const there = name === '..' ? here.parent : here.below?.get(name);
      if (there === undefined) return name === '..' ? 'outside' : undefined;
      const { entry } = there;
      if (entry === undefined) here = there;
      else if (!isLink(entry)) return ahead.length === 0 ? entry : undefined;
      else if (ahead.length + entry.length > MAX_STEPS) return undefined;
      else ahead.push(...entry.toReversed());
    }
    return undefined;
  }

  #partsOf({ name, type, target }: TarEntry): readonly string[] {
    if (Math.max(name.length, target.length) > MAX_PATH) {
      throw new InvalidError(`${this.#label} has a name of more than ${MAX_PATH} characters`);
    }
    const parts = relativeParts(name);
    if (parts === undefined || parts.includes('..')) {
      throw new InvalidError(
        `${this.#label} has an entry ${JSON.stringify(name)}: a name that leads out of the archive`,
        { hint: 'Do not trust this file. Archives of images have names such as "blobs/sha256/…" only.' },
      );
    }
    if (parts.length === 0 && type !== 'other') {
      throw new InvalidError(`${this.#label} is damaged: it has a file without a name`);
    }
    return parts;
  }

  #tooMany(what: string): InvalidError {
    return new InvalidError(`${this.#label} has more than ${what}`, {
      hint: 'Name an archive of images, not one of what is in an image.',
    });
  }

  #leadsOut(name: string, target: string): InvalidError {
    return new InvalidError(
      `${this.#label} has a link ${JSON.stringify(name)} to ${JSON.stringify(target)}, which leads out of the archive`,
      { hint: 'Do not trust this file, or make it anew with its links resolved.' },
    );
  }
}

function isLink(entry: Span | Link): entry is Link {
  return Array.isArray(entry);
}

/** The parts of a path without `../` and doubled slashes, `..` among them; `undefined` for an absolute one. */
function relativeParts(path: string): string[] | undefined {
  if (path.startsWith('/')) return undefined;
  return path.split('/').filter((part) => part !== '' && part !== '.');
}

/** Whether the way to there leaves the root, as far as the names tell. */
function climbsOut(parts: readonly string[]): boolean {
  let depth = 0;
  return parts.some((part) => {
    depth += part === '..' ? -1 : 1;
    return depth < 0;
  });
}
