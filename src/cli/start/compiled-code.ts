import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { Script } from 'node:vm';

import { READ_OWN_FILE, isOwn } from '../../files/own-file.js';

/** The length of a SHA-256 hash in bytes. */
const HASH_LENGTH = 32;
const MAX_BYTES = 64 << 20;
/** The names of the program's files. */
const FILE = /^\.\/[\w-]+\.cjs$/;

export interface CompiledCodeOptions {
  readonly program: Program;
  /** The directory of the compiled code, which only this user can write to. @default nothing is kept */
  readonly directory?: string | undefined;
}

/** The files of the program. */
export interface Program {
  /** Their directory, as stack traces name it. */
  readonly dist: string;
  /** Reads a file of the directory. */
  readonly read: (name: string) => Buffer;
  /** Loads everything else. */
  readonly load: (specifier: string) => unknown;
}

/** A file that was not compiled from the cache. */
interface Fresh {
  /** The file in the cache. */
  readonly path: string;
  readonly source: Buffer;
  readonly script: Script;
}

type Wrapper = (
  exports: unknown,
  require: (specifier: string) => unknown,
  module: { exports: unknown },
  filename: string,
  directory: string,
) => void;

/**
 * Loads CommonJS files with the code that V8 compiled in an earlier run, as Node does since 22.1. V8 compares its version,
 * its flags and the length of the source. So each file in the cache starts with a hash of Node's version, the source and the
 * compiled code.
 */
export class CompiledCode {
  readonly #options: CompiledCodeOptions;
  readonly #modules = new Map<string, { exports: unknown }>();
  readonly #fresh: Fresh[] = [];

  constructor(options: CompiledCodeOptions) {
    this.#options = options;
  }

  /** Loads a file of the program by a name such as `./cli.cjs`, or anything else as `load` does. */
  require(specifier: string): unknown {
    const { dist, load } = this.#options.program;
    if (!FILE.test(specifier)) return load(specifier);
    const loaded = this.#modules.get(specifier);
    if (loaded !== undefined) return loaded.exports;
    const module = { exports: {} as unknown };
    this.#modules.set(specifier, module);
    const path = join(dist, specifier);
    const run = this.#compile(path).runInThisContext() as Wrapper;
    run.call(module.exports, module.exports, (name) => this.require(name), module, path, dirname(path));
    return module.exports;
  }

  /** Writes the code that was compiled in this run, with all functions that were called. Never fails. */
  async keep(): Promise<void> {
    const { directory } = this.#options;
    if (this.#fresh.length === 0 || directory === undefined) return;
    const { keepCode } = await import('./keep-code.js');
    const files = this.#fresh.map(({ path, source, script }) => {
      const code = script.createCachedData();
      return { path, content: Buffer.concat([hashOf(source, code), code]) };
    });
    await keepCode(directory, files);
  }

  #compile(filename: string): Script {
    const { program, directory } = this.#options;
    const name = basename(filename);
    const source = program.read(name);
    const path = join(directory ?? '', `${process.version}-${process.arch}-${basename(name, '.cjs')}`);
    const cachedData = directory === undefined ? undefined : readCode(path, source);
    // The function starts on the first line of the file, so that stack traces have its line numbers.
    const text = `(function (exports, require, module, __filename, __dirname) { ${source.toString('utf8')}\n});`;
    const script = new Script(text, { filename, ...(cachedData !== undefined && { cachedData }) });
    if (script.cachedDataRejected !== false) this.#fresh.push({ path, source, script });
    return script;
  }
}

/** Returns the compiled code of a source; `undefined` if it is missing, damaged, or others could have written it. */
function readCode(path: string, source: Buffer): Buffer | undefined {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, READ_OWN_FILE);
    const stats = fstatSync(descriptor);
    if (!isOwn(stats) || !stats.isFile() || stats.size > MAX_BYTES) return undefined;
    const content = readFileSync(descriptor);
    const code = content.subarray(HASH_LENGTH);
    return content.subarray(0, HASH_LENGTH).equals(hashOf(source, code)) ? code : undefined;
  } catch {
    return undefined;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function hashOf(source: Buffer, code: Buffer): Buffer {
  const { version, arch } = process;
  return createHash('sha256')
    .update(`${version} ${arch} ${source.length}\n`)
    .update(source)
    .update(code)
    .digest();
}
