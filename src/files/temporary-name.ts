import { createHash, randomBytes } from 'node:crypto';

import {
  currentProcess,
  processStatus,
  type ProcessIdentity,
  type ProcessStatus,
} from './process-identity.js';

/** The prefix of the names of unfinished files and directories, which readers skip. */
const PREFIX = '.multiarch-tmp-';
/** `PID-STARTED-HOST-BOOT-NAMESPACE-RANDOM`, where the start time may be `0` for unknown, and the next three are hashes. */
const OWNED = /^([1-9]\d*)-(\d+)-([0-9a-f]+)-([0-9a-f]+)-([0-9a-f]+)-[0-9a-f]{16}$/;
/** In a name, the value of a field that the system does not have. */
const ABSENT = '0';
const HASH_LENGTH = 8;

/**
 * Returns a unique name for an unfinished file or directory, with up to 80 characters. It says which process made it, so
 * that another process can remove what a killed process has left.
 */
export function temporaryName(): string {
  const { pid, started = ABSENT, host, boot = ABSENT, namespace = ABSENT } = shortened(currentProcess());
  return PREFIX + [pid, started, host, boot, namespace, randomBytes(8).toString('hex')].join('-');
}

/** Reports whether a name was made by {@link temporaryName}. */
export function isTemporaryName(name: string): boolean {
  return name.startsWith(PREFIX);
}

/** Returns whether the process that made a temporary name is running; `unknown` for any other name. */
export async function ownerStatus(name: string): Promise<ProcessStatus> {
  const [, pid, started = '', host = '', boot = '', namespace = ''] =
    OWNED.exec(name.slice(PREFIX.length)) ?? [];
  if (pid === undefined) return 'unknown';
  const owner: ProcessIdentity = {
    pid: Number(pid),
    host,
    ...(boot !== ABSENT && { boot }),
    ...(namespace !== ABSENT && { namespace }),
    ...(started !== ABSENT && { started }),
  };
  return processStatus(owner, shortened(currentProcess()));
}

/** The identity with hashes for the texts, which are only compared: names have a maximum length. */
function shortened({ boot, namespace, host, ...rest }: ProcessIdentity): ProcessIdentity {
  return {
    ...rest,
    host: hash(host),
    ...(boot !== undefined && { boot: hash(boot) }),
    ...(namespace !== undefined && { namespace: hash(namespace) }),
  };
}

function hash(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex').slice(0, HASH_LENGTH);
}
