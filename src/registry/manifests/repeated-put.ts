import {
  isTemporaryStatus,
  MAX_STALE_CONNECTIONS,
  mayHaveBeenHandled,
  responseOutcome,
  Tries,
  type RetryPolicy,
  type TryOutcome,
} from '../../http/retry.js';
import type { HttpResponse } from '../../http/message.js';
import { NetworkError } from '../../http/network-error.js';

/** A PUT that may be sent more than once. */
export interface RepeatedPut {
  /** Sends it, without retries. */
  readonly send: () => Promise<HttpResponse>;
  /** Reports whether the registry has what was sent; `undefined` if that is unknown. */
  readonly isStored: () => Promise<boolean | undefined>;
  /** Whether the headers of the response are needed, even if the registry has what was sent. */
  readonly needsResponse: boolean;
  readonly policy: RetryPolicy;
  /** Called before each wait. */
  readonly onRetry: (reason: string, waitMilliseconds: number) => void;
  readonly signal: AbortSignal | undefined;
}

/**
 * Sends a PUT, and again after a temporary failure. If its outcome is unknown, because the response was lost or a gateway
 * gave up, the outcome is looked up first: before the wait, since what is stored needs none, and after it if the registry
 * could not be asked.
 * @returns the final response, or 'stored' if it was lost
 * @throws NetworkError if no response arrives and the registry does not have what was sent
 */
export async function putRepeatedly(put: RepeatedPut): Promise<HttpResponse | 'stored'> {
  const { policy, signal } = put;
  const tries = new Tries(policy);
  let stale = 0;
  for (;;) {
    const made = tries.count;
    const result = await attempt(put.send);
    const failed = result instanceof NetworkError;
    // The server closed a kept connection, probably before the request came. This is no try, and takes no wait.
    if (failed && result.stale && stale < MAX_STALE_CONNECTIONS) {
      stale += 1;
      if (!put.needsResponse && (await put.isStored()) === true) return 'stored';
      put.onRetry(result.reason, 0);
      continue;
    }
    if (!failed && !isTemporaryStatus(result.status) && result.isCut !== true) return result;
    const isUnknown = failed ? !result.unsent : mayHaveBeenHandled(result.status);
    const look = async (): Promise<boolean | undefined> => (isUnknown ? put.isStored() : false);
    let stored = put.needsResponse ? false : await look();
    const delay = stored === true ? undefined : tries.next(failed ? result : outcomeOf(result));
    // Without another try, nothing says more than that it is stored.
    if (delay === undefined && put.needsResponse) stored = await look();
    if (!failed && (stored === true || delay !== undefined)) result.discard();
    if (stored === true) return 'stored';
    if (delay === undefined) {
      if (failed) throw result.afterTries(made);
      return result;
    }
    put.onRetry(failed ? result.reason : `HTTP ${result.status}`, delay);
    await policy.sleep(delay, signal);
    if (stored === undefined && (await look()) === true) return 'stored';
  }
}

/** The outcome of a temporary failure, or of a rejection whose reason broke off. */
function outcomeOf(response: HttpResponse): TryOutcome {
  return isTemporaryStatus(response.status) ? responseOutcome(response) : { temporary: true };
}

async function attempt(send: () => Promise<HttpResponse>): Promise<HttpResponse | NetworkError> {
  try {
    return await send();
  } catch (error) {
    if (error instanceof NetworkError) return error;
    throw error;
  }
}
