import { makeNodeProcesses, type NodeProcesses } from './node-processes.js';

/** What one process is to do with an oci-archive: push images, each with a commit, and close it. */
export interface OciArchiveJob {
  readonly path: string;
  /** The image of a tag differs from all others. */
  readonly tags: readonly string[];
  /** Of each image's layer, in bytes. */
  readonly layerSize?: number;
  /** The process kills itself before this call of the file system, counted from 1. */
  readonly killBefore?: number;
}

/** What the process prints when it was not killed. */
export interface OciArchiveJobResult {
  /** The calls of the file system that it made. */
  readonly calls: readonly string[];
  readonly error?: { readonly kind: string; readonly message: string; readonly hint: string };
}

export type OciArchiveProcesses = NodeProcesses<OciArchiveJob, OciArchiveJobResult>;

export function makeOciArchiveProcesses(): Promise<OciArchiveProcesses> {
  return makeNodeProcesses(new URL('oci-archive-process-main.ts', import.meta.url));
}
