import { InvalidError } from '../../oci/errors.js';
import type { TarEntry } from './tar-headers.js';

/** The location of a file's content in the archive, in bytes. */
export interface ByteRange {
  readonly start: number;
  readonly size: number;
}

/** The target of a symbolic link, as path components relative to the link's directory. May contain `..`. */
type LinkTarget = readonly string[];

/** Node of a path trie: a lookup takes one step for each path component. */
interface PathNode {
  readonly parent: PathNode | undefined;
  /** Created on demand: most nodes are files. */
  children: Map<string, PathNode> | undefined;
  entry: ByteRange | LinkTarget | undefined;
}

/**
 * The maximum number of path components in a lookup, including those of links that are followed. It ends loops of links.
 * Docker's links have three components.
 */
const MAX_STEPS = 255;
/** The maximum length of a name or link target in characters, as on Linux. */
const MAX_PATH = 4096;
/** The path components of all names and link targets together: this many, and {@link MEAN_PARTS} more for each file. */
const MAX_PARTS = 1_000_000;
/** Image archives have three per file. The number of files is limited by the budget of the call. */
const MEAN_PARTS = 4;

/** The files of an archive by name. Resolves repeated names and links without access to the file system. */
export class TarPathIndex {
  readonly #label: string;
  readonly #root: PathNode = { parent: undefined, children: undefined, entry: undefined };
  readonly #entries = new Map<string, PathNode>();
  #parts = 0;

  /** @param label of the archive, for messages */
  constructor(label: string) {
    this.#label = label;
  }

  /**
   * Adds the next entry. The last entry with a name wins.
   * @throws InvalidError if its name or link target leads out of the archive, or a limit is exceeded
   */
  add(entry: TarEntry): void {
    const parts = this.#partsOf(entry);
    const name = parts.join('/');
    const content = this.#content(entry, parts);
    this.#parts += parts.length + (content !== undefined && isLink(content) ? content.length : 0);
    if (this.#parts > MAX_PARTS + MEAN_PARTS * this.#entries.size) {
      throw new InvalidError(`${this.#label} has more than ${MAX_PARTS} path components`, {
        hint: 'This looks like a root-filesystem tar, not an image archive.',
      });
    }
    // Directories are added too: links may lead through empty ones.
    const node = this.#createNode(parts);
    node.entry = content;
    // Deleted first, so that the order is that of the winning entries.
    this.#entries.delete(name);
    if (content !== undefined) this.#entries.set(name, node);
  }

  /**
   * Checks the links. Call it after all entries were added.
   * @throws InvalidError if a symbolic link leads out of the archive by way of others
   */
  check(): void {
    for (const [name, { entry }] of this.#entries) {
      if (entry !== undefined && isLink(entry) && this.#follow(name.split('/')) === 'outside')
        throw this.#outsideError(name, entry.join('/'));
    }
  }

  /** The names of all files, in the order of the winning entries. */
  files(): string[] {
    return [...this.#entries.keys()].filter((name) => this.find(name) !== undefined);
  }

  /** The content of a file; `undefined` if it does not exist. */
  find(name: string): ByteRange | undefined {
    // Most names need no lookup through links.
    const direct = this.#entries.get(name)?.entry;
    if (direct !== undefined && !isLink(direct)) return direct;
    const parts = relativeParts(name);
    if (parts === undefined || parts.includes('..')) return undefined;
    const content = this.#follow(parts);
    return content === 'outside' ? undefined : content;
  }

  /** The content or link target of an entry; `undefined` if it is not a file. */
  #content(entry: TarEntry, parts: readonly string[]): ByteRange | LinkTarget | undefined {
    const { type, target, start, size } = entry;
    switch (type) {
      case 'file':
        return { start, size };
      case 'hard-link': {
        const link = relativeParts(target);
        if (link === undefined || link.includes('..')) throw this.#outsideError(entry.name, target);
        // Resolved now: a later entry with the target's name is another file.
        return this.find(link.join('/'));
      }
      case 'symbolic-link': {
        const link = relativeParts(target);
        if (link === undefined || leavesRoot([...parts.slice(0, -1), ...link])) {
          throw this.#outsideError(entry.name, target);
        }
        return link;
      }
      case 'other':
        return undefined;
    }
  }

  #createNode(parts: readonly string[]): PathNode {
    let node = this.#root;
    for (const part of parts) {
      const children: Map<string, PathNode> = (node.children ??= new Map());
      const next = children.get(part) ?? { parent: node, children: undefined, entry: undefined };
      children.set(part, next);
      node = next;
    }
    return node;
  }

  /**
   * Resolves path components from the root, following symbolic links.
   * @returns the content of a file; `undefined` if there is no file; `outside` if a link leads out of the archive
   */
  #follow(names: readonly string[]): ByteRange | 'outside' | undefined {
    const remaining = names.toReversed();
    let node = this.#root;
    for (let steps = 0; steps < MAX_STEPS; steps += 1) {
      const name = remaining.pop();
      if (name === undefined) return undefined;
      const next = name === '..' ? node.parent : node.children?.get(name);
      if (next === undefined) return name === '..' ? 'outside' : undefined;
      const { entry } = next;
      if (entry === undefined) node = next;
      else if (!isLink(entry)) return remaining.length === 0 ? entry : undefined;
      else if (remaining.length + entry.length > MAX_STEPS) return undefined;
      else remaining.push(...entry.toReversed());
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
        `${this.#label} has an entry ${JSON.stringify(name)} whose name leads out of the archive`,
        { hint: 'Do not trust this file: image archives only have names such as "blobs/sha256/…".' },
      );
    }
    if (parts.length === 0 && type !== 'other') {
      throw new InvalidError(`${this.#label} is damaged: it has a file without a name`);
    }
    return parts;
  }

  #outsideError(name: string, target: string): InvalidError {
    return new InvalidError(
      `${this.#label} has a link ${JSON.stringify(name)} to ${JSON.stringify(target)}, which leads out of the archive`,
      { hint: 'Do not trust this file, or create it again with its links resolved.' },
    );
  }
}

function isLink(entry: ByteRange | LinkTarget): entry is LinkTarget {
  return Array.isArray(entry);
}

/** The components of a path without empty ones and `.`; `undefined` for an absolute path. */
function relativeParts(path: string): string[] | undefined {
  if (path.startsWith('/')) return undefined;
  return path.split('/').filter((part) => part !== '' && part !== '.');
}

/** Reports whether a path leaves the root, not counting links. */
function leavesRoot(parts: readonly string[]): boolean {
  let depth = 0;
  return parts.some((part) => {
    depth += part === '..' ? -1 : 1;
    return depth < 0;
  });
}
