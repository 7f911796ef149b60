import { isMultiarchError } from '../../oci/errors.js';
import type { Output } from './output.js';

/**
 * Runs a command that moves tags. With `--json`, a failure that leaves tags changed, or has changed them back, prints them
 * as JSON.
 * @throws the failure
 */
export async function printingFailedTags<T>(
  { output, options }: { readonly output: Output; readonly options: { readonly json?: boolean | undefined } },
  command: () => Promise<T>,
): Promise<T> {
  try {
    return await command();
  } catch (error) {
    if (options.json === true && isMultiarchError(error) && error.tags.length > 0) {
      const { kind, message, hint, tags } = error;
      output.json({ error: { kind, message, hint }, tags });
    }
    throw error;
  }
}
