import { readFile, readlink } from 'node:fs/promises';
import { hostname } from 'node:os';

import { errorCode } from './file-error.js';

/** A process that holds a lock, with enough detail for another process to tell whether it is still running. */
export interface LockHolder {
  readonly pid: number;
  readonly host: string;
  /** Linux: the boot ID, which differs between machines and changes on reboot. */
  readonly boot?: string;
  /** Linux: the PID namespace. Containers on one machine have separate PIDs. */
  readonly namespace?: string;
  /** Linux: the start time in ticks since boot, which tells apart processes that reuse a PID. */
  readonly started?: string;
}

/** Describes the current process. */
export async function currentProcess(): Promise<LockHolder> {
  const [boot, namespace, state] = await Promise.all([
    readFile('/proc/sys/kernel/random/boot_id', 'latin1').catch(() => undefined),
    readlink('/proc/self/ns/pid').catch(() => undefined),
    processState(process.pid),
  ]);
  return {
    pid: process.pid,
    host: hostname(),
    ...(boot === undefined ? {} : { boot: boot.trim() }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(state === undefined ? {} : { started: state.started }),
  };
}

/**
 * Reports whether the holder has certainly exited. Returns `false` if that cannot be known: for a process on another
 * machine or in another container, and (outside Linux) when its PID has been reused.
 *
 * A machine with the same host name that has rebooted counts as the same machine.
 */
export async function hasExited(holder: LockHolder, self: LockHolder): Promise<boolean> {
  const restarted = holder.boot !== undefined && self.boot !== undefined && holder.boot !== self.boot;
  if (restarted) return holder.host === self.host;
  if (holder.boot !== self.boot || holder.namespace !== self.namespace) return false;
  if (self.boot === undefined && holder.host !== self.host) return false;
  if (!processExists(holder.pid)) return true;
  const state = await processState(holder.pid);
  if (state === undefined) return false;
  return state.ended || (holder.started !== undefined && holder.started !== state.started);
}

/** Parses the JSON of a {@link LockHolder}; returns `undefined` if it is anything else. */
export function parseLockHolder(text: string): LockHolder | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
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

/** The state of a process on Linux (proc_pid_stat(5)); `undefined` if it is not available. */
async function processState(
  pid: number,
): Promise<{ readonly ended: boolean; readonly started: string } | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => undefined);
  // The command name may contain spaces and parentheses; field 3 follows the last closing parenthesis.
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ');
  const state = fields?.[0];
  const started = fields?.[22 - 3];
  if (state === undefined || started === undefined) return undefined;
  // A zombie has exited, but keeps its PID forever in a container without an init process.
  return { ended: state === 'Z' || state === 'X', started };
}
