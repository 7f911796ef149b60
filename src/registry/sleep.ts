import { setTimeout as wait } from 'node:timers/promises';

import { cancelled } from '../oci/errors.js';

/** Waits. Rejects with `CancelledError` where the signal fires first. */
export type Sleep = (milliseconds: number, signal?: AbortSignal) => Promise<void>;

export const sleep: Sleep = async (milliseconds, signal) => {
  try {
    await wait(milliseconds, undefined, { signal });
  } catch (error) {
    throw signal?.aborted === true ? cancelled(signal) : error;
  }
};
