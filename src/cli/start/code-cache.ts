import { existsSync, readdirSync, readFileSync } from 'node:fs';
import * as nodeModule from 'node:module';
import { join } from 'node:path';

import { findHome } from '../../environment.js';
import { cacheDirectory } from '../../files/cache-directory.js';
import { makeDirectorySync, MODES } from '../../files/make-directory.js';
import { isTrustedDirectory } from '../../files/trusted-directory.js';
import type { Program } from './compiled-code.js';

/** The folder of the compiled code in the cache directory. */
const FOLDER = 'code';
/** A first argument that may be the name of a command, and can be that of a folder. */
const COMMAND = /^[a-z]{1,16}$/;
/** The most files of one command and one version of Node. Each path at which this program is installed has its own. */
const MAX_FILES = 32;

/** Loads code, compiled by an earlier run if possible. */
export interface CodeCache {
  /** Loads a file of the directory, or what Node's own `require` loads. */
  readonly require: (specifier: string) => unknown;
  /** Keeps the code that was compiled in this run. Never fails. */
  readonly keep: () => Promise<void>;
}

/** What Node 22.1 and newer have in `node:module`. */
interface NodeCompileCache {
  readonly enableCompileCache?: (directory: string) => { readonly directory?: string };
}

export interface CodeCacheOptions {
  /** The directory of the built files, or the program that an executable contains. */
  readonly dist: string | Program;
  /** The arguments of the command. */
  readonly argv: readonly string[];
  /** @default process */
  readonly environment?: Pick<NodeJS.Process, 'env' | 'platform'>;
  /** @default `node:module` */
  readonly node?: NodeCompileCache;
}

/**
 * Opens the code cache for a command line. V8 keeps only the functions that a run has called, so each command has a folder of
 * its own. What is in it will be executed: only this user may have been able to write to it, or all code is compiled anew.
 */
export async function openCodeCache({
  dist,
  argv: [command = ''],
  environment = process,
  node = nodeModule as NodeCompileCache,
}: CodeCacheOptions): Promise<CodeCache> {
  const directory = codeDirectory(environment, COMMAND.test(command) ? command : 'other');
  if (typeof dist !== 'string') return openCompiledCode(dist, directory);
  const load = nodeModule.createRequire(join(dist, 'start.cjs'));
  if (directory === undefined) return { require: load, keep: async () => {} };
  if (node.enableCompileCache === undefined) {
    return openCompiledCode({ dist, read: (name) => readFileSync(join(dist, name)), load }, directory);
  }
  // Node checks its version, its flags and the source, and writes the files when the process ends.
  const { directory: used = directory } = node.enableCompileCache(directory);
  const count = countFiles(used);
  return {
    require: load,
    keep: async () => {
      if (count > 0 && count <= MAX_FILES) return;
      const { pruneCode } = await import('./keep-code.js');
      await pruneCode(directory, used);
    },
  };
}

/** Opens the cache of our own, for Node 20 and for executables: Node's own is for files on disk. */
async function openCompiledCode(program: Program, directory: string | undefined): Promise<CodeCache> {
  // Loads `node:crypto`.
  const { CompiledCode } = await import('./compiled-code.js');
  const code = new CompiledCode({ program, directory });
  return { require: (specifier) => code.require(specifier), keep: () => code.keep() };
}

/** Returns the directory for the code of a command, which is created; `undefined` if there is none that can be trusted. */
function codeDirectory(
  { env, platform }: Pick<NodeJS.Process, 'env' | 'platform'>,
  command: string,
): string | undefined {
  // The name of Node's own variable.
  if (env['NODE_DISABLE_COMPILE_CACHE'] !== undefined) return undefined;
  try {
    const root = cacheDirectory({ env, platform, homeDirectory: findHome(env) });
    if (root === undefined) return undefined;
    const directory = join(root, FOLDER, command);
    if (!existsSync(directory)) makeDirectorySync(directory, MODES.privateDirectory);
    return isTrustedDirectory(root, directory) ? directory : undefined;
  } catch {
    // A cache only saves time.
    return undefined;
  }
}

function countFiles(directory: string): number {
  try {
    return readdirSync(directory).length;
  } catch {
    return 0;
  }
}
