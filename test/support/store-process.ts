import { makeNodeProcesses, type NodeProcesses } from './node-processes.js';

/** The job of a process: it updates a draft store. */
export interface StoreJob {
  readonly directory: string;
  /** The draft that the sources are added to, each with one update. */
  readonly target: string;
  readonly sources: readonly string[];
  /** The process kills itself before this file system call, counted from 1 for each update. */
  readonly killBefore?: number;
  /** The size of the annotations of each entry, in bytes. */
  readonly ballast?: number;
}

/** The output of a process that was not killed. */
export interface StoreJobResult {
  /** The file system calls of the last update. */
  readonly calls: readonly string[];
  readonly error?: { readonly name: string; readonly message: string; readonly hint?: string };
}

export type StoreProcesses = NodeProcesses<StoreJob, StoreJobResult>;

export function makeStoreProcesses(): Promise<StoreProcesses> {
  return makeNodeProcesses(new URL('store-process-main.ts', import.meta.url));
}
