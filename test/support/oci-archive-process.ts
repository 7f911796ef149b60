import { makeNodeProcesses, type NodeProcesses } from './node-processes.js';

/** The job of a process: it pushes images into an oci-archive, each with a commit. */
export interface OciArchiveJob {
  readonly path: string;
  /** Each tag has a different image. */
  readonly tags: readonly string[];
  /** The size of each layer, in bytes. */
  readonly layerSize?: number;
  /** The process kills itself before this file system call, counted from 1. */
  readonly killBefore?: number;
}

/** The output of a process that was not killed. */
export interface OciArchiveJobResult {
  /** The file system calls of the process. */
  readonly calls: readonly string[];
  readonly error?: { readonly kind: string; readonly message: string; readonly hint: string };
}

export type OciArchiveProcesses = NodeProcesses<OciArchiveJob, OciArchiveJobResult>;

export function makeOciArchiveProcesses(): Promise<OciArchiveProcesses> {
  return makeNodeProcesses(new URL('oci-archive-process-main.ts', import.meta.url));
}
