import { readFile, readlink } from 'node:fs/promises';
import { hostname } from 'node:os';

import { errorCode } from './file-error.js';

/** A process that holds a lock, described well enough for another process to tell whether it still runs. */
export interface LockHolder {
  readonly pid: number;
  readonly host: string;
  /** Linux: names this run of the kernel, so it differs between machines and after a restart. */
  readonly boot?: string;
  /** Linux: the PID namespace. Containers on one machine count their processes apart. */
  readonly namespace?: string;
  /** Linux: when the process started, in ticks since the boot. A number that was given again starts later. */
  readonly started?: string;
}

/** This process. */
export async function thisProcess(): Promise<LockHolder> {
  const [boot, namespace, state] = await Promise.all([
    orUndefined(readFile('/proc/sys/kernel/random/boot_id', 'latin1')),
    orUndefined(readlink('/proc/self/ns/pid')),
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
 * Whether the holder certainly runs no more. `false` where that cannot be known: a process of another machine or of
 * another container, or (outside Linux) a process whose number has been given to another since.
 *
 * A machine of the same name that has been started again since counts as the same machine.
 */
export async function isGone(holder: LockHolder, me: LockHolder): Promise<boolean> {
  const restarted = holder.boot !== undefined && me.boot !== undefined && holder.boot !== me.boot;
  if (restarted) return holder.host === me.host;
  if (holder.boot !== me.boot || holder.namespace !== me.namespace) return false;
  if (me.boot === undefined && holder.host !== me.host) return false;
  if (!processExists(holder.pid)) return true;
  const state = await processState(holder.pid);
  if (state === undefined) return false;
  return state.ended || (holder.started !== undefined && holder.started !== state.started);
}

/** Reads what {@link thisProcess} gave, as JSON; `undefined` where it is something else. */
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
    // EPERM: there is one, and it is another user's.
    return errorCode(error) !== 'ESRCH';
  }
}

/** What Linux says of a process (proc_pid_stat(5)); `undefined` where it says nothing. */
async function processState(
  pid: number,
): Promise<{ readonly ended: boolean; readonly started: string } | undefined> {
  const text = await orUndefined(readFile(`/proc/${pid}/stat`, 'latin1'));
  // The command's name may hold anything, spaces and parentheses too; field 3 follows the last parenthesis.
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ');
  const state = fields?.[0];
  const started = fields?.[22 - 3];
  if (state === undefined || started === undefined) return undefined;
  // A zombie runs no more; in a container without an init it keeps its number for ever.
  return { ended: state === 'Z' || state === 'X', started };
}

async function orUndefined(text: Promise<string>): Promise<string | undefined> {
  try {
    return await text;
  } catch {
    return undefined;
  }
}
