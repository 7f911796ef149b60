import { makeNodeProcesses, type NodeProcesses } from './node-processes.js';

/** What one process is to do with an archive: open it, and leave it open. */
export interface ArchiveJob {
  readonly path: string;
  /** Whether it then kills itself. */
  readonly killed?: boolean;
}

/** What the process prints. */
export type ArchiveJobResult = {
  /** The names in the directory for temporary files, while the archive is open. */
  readonly temporary: readonly string[];
} & (
  | {
      readonly files: number;
      /** How many bytes it read to open the archive; 0 where that is not known, which is anywhere but on Linux. */
      readonly read: number;
      /** The most memory that it ever had, in bytes; 0 where that is not known. */
      readonly memory: number;
    }
  | {
      readonly kind: string;
      readonly message: string;
      readonly hint: string;
      /** Of the system error behind it. */
      readonly code: string;
    }
);

export type ArchiveProcesses = NodeProcesses<ArchiveJob, ArchiveJobResult>;

export function makeArchiveProcesses(): Promise<ArchiveProcesses> {
  return makeNodeProcesses(new URL('archive-process-main.ts', import.meta.url));
}
