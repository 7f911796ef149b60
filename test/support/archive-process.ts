import { makeNodeProcesses, type NodeProcesses } from './node-processes.js';

/** The job of a process: it opens an archive and leaves it open. */
export interface ArchiveJob {
  readonly path: string;
  /** Whether the process then kills itself. */
  readonly killed?: boolean;
}

/** The output of the process. */
export type ArchiveJobResult = {
  /** The names in the temporary directory while the archive is open. */
  readonly temporary: readonly string[];
} & (
  | {
      readonly files: number;
      /** The number of bytes read to open the archive. 0 if unknown (only Linux reports it). */
      readonly read: number;
      /** The peak memory in bytes. 0 if unknown. */
      readonly memory: number;
    }
  | {
      readonly kind: string;
      readonly message: string;
      readonly hint: string;
      /** The code of the system error that caused it. */
      readonly code: string;
    }
);

export type ArchiveProcesses = NodeProcesses<ArchiveJob, ArchiveJobResult>;

export function makeArchiveProcesses(): Promise<ArchiveProcesses> {
  return makeNodeProcesses(new URL('archive-process-main.ts', import.meta.url));
}
