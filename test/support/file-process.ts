import { makeNodeProcesses, type NodeProcesses } from './node-processes.js';

/** What one process is to do with a file. */
export interface FileJob {
  readonly path: string;
  /**
   * Each is put at the end of the file, one after the other under the file's lock (`replaceFile`); or they are the
   * pieces of a stream that becomes the file (`writeFileAtomically`).
   */
  readonly pieces: readonly string[];
  readonly as: 'edits' | 'stream';
  /** The process kills itself before this call of the file system, counted from 1 for each edit or stream. */
  readonly killBefore?: number;
}

/** What the process prints when it was not killed. */
export interface FileJobResult {
  /** The calls of the file system that the last edit or the stream made. */
  readonly calls: readonly string[];
  /** The code of the system error that ended the work. */
  readonly code?: string;
}

export type FileProcesses = NodeProcesses<FileJob, FileJobResult>;

export function makeFileProcesses(): Promise<FileProcesses> {
  return makeNodeProcesses(new URL('file-process-main.ts', import.meta.url));
}
