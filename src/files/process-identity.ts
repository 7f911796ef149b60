import { readFileSync, readlinkSync } from 'node:fs';
import { readFile, readlink } from 'node:fs/promises';
import { hostname } from 'node:os';

import { errorCode } from './file-error.js';

/** A process, with enough detail for another process to tell whether it is still running. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly host: string;
  /** Linux: the boot ID, which differs between machines and changes on reboot. */
  readonly boot?: string;
  /**
   * Linux: the PID namespace, and the time namespace, by whose clock `started` is. Containers on one machine have separate PIDs.
   */
  readonly namespace?: string;
  /** Linux: the start time in ticks since boot, which tells apart processes that reuse a PID. */
  readonly started?: string;
}

/**
 * Whether a process is running. It is unknown for a process on another machine or in another container, and (outside
 * Linux) for one whose PID exists, since PIDs are reused.
 */
export type ProcessStatus = 'running' | 'exited' | 'unknown';

let identity: ProcessIdentity | undefined;

/** Describes the current process. */
export function currentProcess(): ProcessIdentity {
  identity ??= describeSelf();
  return identity;
}

function describeSelf(): ProcessIdentity {
  const boot = tryRead(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim());
  // Kernels before 5.6 have no time namespaces.
  const namespaces = ['pid', 'time'].flatMap(
    (kind) => tryRead(() => readlinkSync(`/proc/self/ns/${kind}`)) ?? [],
  );
  const started = parseStat(tryRead(() => readFileSync('/proc/self/stat', 'latin1')))?.started;
  return {
    pid: process.pid,
    host: hostname(),
    ...(boot !== undefined && { boot }),
    ...(namespaces.length > 0 && { namespace: namespaces.join(' ') }),
    ...(started !== undefined && { started }),
  };
}

/**
 * Returns whether a process is running. A machine with the same host name that has rebooted counts as the same machine.
 */
export async function processStatus(other: ProcessIdentity, self: ProcessIdentity): Promise<ProcessStatus> {
  const restarted = other.boot !== undefined && self.boot !== undefined && other.boot !== self.boot;
  if (restarted) return other.host === self.host ? 'exited' : 'unknown';
  if (other.boot !== self.boot || other.namespace !== self.namespace) return 'unknown';
  if (self.boot === undefined && other.host !== self.host) return 'unknown';
  if (!processExists(other.pid)) return 'exited';
  const stat = parseStat(await readProcessFile(other.pid, 'stat'));
  if (stat === undefined) return 'unknown';
  if (stat.ended) return 'exited';
  if (other.started === undefined) return 'unknown';
  return other.started === stat.started ? 'running' : 'exited';
}

/** Parses the JSON of a {@link ProcessIdentity}; returns `undefined` if it is anything else. */
export function parseProcessIdentity(text: string): ProcessIdentity | undefined {
  try {
    return readProcessIdentity(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** Reads a {@link ProcessIdentity} from parsed JSON; returns `undefined` if it is anything else. */
export function readProcessIdentity(value: unknown): ProcessIdentity | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { pid, host, boot, namespace, started } = value as Record<string, unknown>;
  if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid <= 0) return undefined;
  if (typeof host !== 'string') return undefined;
  return {
    pid,
    host,
    ...(typeof boot === 'string' ? { boot } : {}),
    ...(typeof namespace === 'string' ? { namespace } : {}),
    ...(typeof started === 'string' ? { started } : {}),
  };
}

function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: the process exists and belongs to another user.
    return errorCode(error) !== 'ESRCH';
  }
}

/**
 * Reads a file of a process in `/proc`; `undefined` if it cannot be read, or if `/proc` is that of another PID namespace, as
 * after `unshare --pid` without a mount: the number is that of another process there.
 */
async function readProcessFile(pid: number, name: string): Promise<string | undefined> {
  try {
    if ((await readlink('/proc/self')) !== String(process.pid)) return undefined;
    return await readFile(`/proc/${pid}/${name}`, 'latin1');
  } catch {
    return undefined;
  }
}

interface ProcessStat {
  readonly ended: boolean;
  readonly started: string;
}

/** Parses the state of a process on Linux (proc_pid_stat(5)); `undefined` if it is not available. */
function parseStat(text: string | undefined): ProcessStat | undefined {
  // The command name may contain spaces and parentheses; field 3 follows the last closing parenthesis.
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ');
  const state = fields?.[0];
  const started = fields?.[22 - 3];
  if (state === undefined || started === undefined) return undefined;
  // A zombie has exited, but keeps its PID forever in a container without an init process.
  return { ended: state === 'Z' || state === 'X', started };
}

function tryRead(read: () => string): string | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
