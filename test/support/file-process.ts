import { makeNodeProcesses, type NodeProcesses } from './node-processes.js';

/** The job of a process: it writes a file. */
export interface FileJob {
  readonly path: string;
  /**
   * The texts of the edits, which append them to the file under its lock (`replaceFile`), or the chunks of the stream
   * that becomes the file (`writeFileAtomically`).
   */
  readonly pieces: readonly string[];
  readonly as: 'edits' | 'stream';
  /** The process kills itself before this file system call, counted from 1 for each edit or stream. */
  readonly killBefore?: number;
}

/** The output of a process that was not killed. */
export interface FileJobResult {
  /** The file system calls of the last edit or of the stream. */
  readonly calls: readonly string[];
  /** The code of the system error that ended the work. */
  readonly code?: string;
}

export type FileProcesses = NodeProcesses<FileJob, FileJobResult>;

export function makeFileProcesses(): Promise<FileProcesses> {
  return makeNodeProcesses(new URL('file-process-main.ts', import.meta.url));
}
