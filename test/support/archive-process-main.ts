import { readFileSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';

import { TarArchive } from '../../src/layout/tar/tar-archive.js';
import { errorCode } from '../../src/files/file-error.js';
import { MultiarchError } from '../../src/oci/errors.js';
import type { ArchiveJob, ArchiveJobResult } from './archive-process.js';

const job = JSON.parse(process.argv[2] ?? '') as ArchiveJob;
const before = bytesRead();
process.stdout.write(JSON.stringify(await open()));
if (job.killed === true) process.kill(process.pid, 'SIGKILL');

async function open(): Promise<ArchiveJobResult> {
  try {
    const archive = await TarArchive.open(job.path);
    const files = archive.names().length;
    return { files, read: bytesRead() - before, memory: peakMemory(), temporary: readdirSync(tmpdir()) };
  } catch (error) {
    if (!(error instanceof MultiarchError)) throw error;
    const { kind, message, hint = '' } = error;
    const code = errorCode(error.cause) ?? '';
    return { kind, message, hint, code, temporary: readdirSync(tmpdir()) };
  }
}

/** The number of bytes read (proc_pid_io(5)). */
function bytesRead(): number {
  return numberIn('/proc/self/io', /^rchar: (\d+)$/m);
}

/**
 * The peak memory in bytes (proc_pid_status(5)). `process.resourceUsage()` would also count the memory of the parent
 * process.
 */
function peakMemory(): number {
  return numberIn('/proc/self/status', /^VmHWM:\s+(\d+) kB$/m) * 1024;
}

function numberIn(path: string, pattern: RegExp): number {
  if (process.platform !== 'linux') return 0;
  return Number(pattern.exec(readFileSync(path, 'latin1'))?.[1]);
}
