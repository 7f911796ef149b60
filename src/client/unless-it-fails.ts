import { MultiarchError } from '../oci/errors.js';
import type { ClientContext } from './client-context.js';

/** Runs bookkeeping, which must not make a push fail: failures become warnings. */
export async function unlessItFails(
  context: ClientContext,
  problem: string,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof MultiarchError)) throw error;
    const hint = error.hint === undefined ? '' : ` (${error.hint})`;
    context.onEvent?.({ kind: 'warning', message: `${problem}: ${error.message}${hint}` });
  }
}
