import { join } from 'node:path';

import { writeFileAtomically } from '../../files/atomic-write.js';
import { MODES } from '../../files/make-directory.js';
import { readOwnFile } from '../../files/own-file.js';
import { checkOwnDirectory, makePrivateDirectory } from '../../files/private-directory.js';
import { parseJson } from '../../http/error-text.js';
import { isJsonObject } from '../../oci/json.js';
import type { RegistryHost } from '../../oci/reference.js';

const FILE = 'token-servers.json';
const VERSION = 1;
/** In bytes. */
const MAX_SIZE = 64 * 1024;
/** The registries of the last changes are kept. */
const MAX_REGISTRIES = 100;

/** The origin of the token server by registry. */
type Origins = ReadonlyMap<string, string>;

/**
 * The origins of the token servers that registries named in earlier runs, in a file of the cache directory. They are only a
 * hint where a connection will be needed: each run asks the registry again before it sends anything there. The file has no
 * secrets, not even the path and query of a realm. Without a directory that is safe to use, nothing is known and kept.
 */
export class KnownTokenServers {
  readonly #directory: string | undefined;
  #known: Promise<Origins> | undefined;
  #writes: Promise<void> = Promise.resolve();

  /** @param directory the cache directory of the program */
  constructor(directory: string | undefined) {
    this.#directory = directory;
  }

  /** Returns the origin of the token server that a registry named last. */
  async find(registry: RegistryHost): Promise<URL | undefined> {
    const origin = (await (this.#known ??= this.#read())).get(registry);
    return origin === undefined ? undefined : new URL(origin);
  }

  /** Keeps the origin of the token server of a registry; `undefined` for a registry that needs none. */
  keep(registry: RegistryHost, origin: string | undefined): void {
    this.#writes = this.#writes.then(() => this.#change(registry, origin));
  }

  /** Waits until all is kept. */
  flush(): Promise<void> {
    return this.#writes;
  }

  async #read(): Promise<Origins> {
    if (this.#directory === undefined) return new Map();
    try {
      await checkOwnDirectory(this.#directory);
      const file = await readOwnFile(join(this.#directory, FILE), MAX_SIZE);
      return parse(file?.bytes.toString('utf8') ?? '');
    } catch {
      return new Map();
    }
  }

  /** Of two processes that write at the same time, one may lose what the other has kept. */
  async #change(registry: RegistryHost, origin: string | undefined): Promise<void> {
    const before = await (this.#known ??= this.#read());
    if (this.#directory === undefined || before.get(registry) === origin) return;
    try {
      await makePrivateDirectory(this.#directory);
      const known = new Map(await this.#read());
      known.delete(registry);
      if (origin !== undefined) known.set(registry, origin);
      this.#known = Promise.resolve(known);
      const tokenServers = Object.fromEntries([...known].slice(-MAX_REGISTRIES));
      await writeFileAtomically(
        join(this.#directory, FILE),
        Buffer.from(`${JSON.stringify({ version: VERSION, tokenServers })}\n`),
        { temporaryDirectory: this.#directory, mode: MODES.privateFile, isDurable: false },
      );
    } catch {
      // The next run opens the connection when it needs it.
    }
  }
}

/** Drops what is not an origin. */
function parse(text: string): Origins {
  const parsed = parseJson(text);
  const { version, tokenServers } = isJsonObject(parsed) ? parsed : {};
  if (version !== VERSION || !isJsonObject(tokenServers)) return new Map();
  return new Map(
    Object.entries(tokenServers).flatMap(([registry, origin]) =>
      typeof origin === 'string' && URL.canParse(origin) && new URL(origin).origin === origin
        ? [[registry, origin]]
        : [],
    ),
  );
}
