import { makeNodeProcesses, type NodeProcesses } from './node-processes.js';

/** The job of a process: it pushes images into an oci-archive, each with a commit. */
export interface OciArchiveJob {
  readonly path: string;
  /** Each tag has a different image. */
  readonly tags: readonly string[];
  /** The size of each layer, in bytes. */
  readonly layerSize?: number;
}

/** The output of the process. */
export interface OciArchiveJobResult {
  readonly error?: { readonly kind: string; readonly message: string; readonly hint: string };
}

export type OciArchiveProcesses = NodeProcesses<OciArchiveJob, OciArchiveJobResult>;

export function makeOciArchiveProcesses(): Promise<OciArchiveProcesses> {
  return makeNodeProcesses(new URL('oci-archive-process-main.ts', import.meta.url));
}
