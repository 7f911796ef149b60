import { makeNodeProcesses, type NodeProcesses } from './node-processes.js';

/** What one process is to do with a draft store. */
export interface StoreJob {
  readonly directory: string;
  /** The draft that each source is added to, one update after the other. */
  readonly target: string;
  readonly sources: readonly string[];
  /** The process kills itself before this call of the file system, counted from 1 for each update. */
  readonly killBefore?: number;
  /** How many bytes of annotations each entry carries. */
  readonly ballast?: number;
}

/** What the process prints when it was not killed. */
export interface StoreJobResult {
  /** The calls of the file system that the last update made. */
  readonly calls: readonly string[];
  readonly error?: { readonly name: string; readonly message: string; readonly hint?: string };
}

export type StoreProcesses = NodeProcesses<StoreJob, StoreJobResult>;

export function makeStoreProcesses(): Promise<StoreProcesses> {
  return makeNodeProcesses(new URL('store-process-main.ts', import.meta.url));
}
