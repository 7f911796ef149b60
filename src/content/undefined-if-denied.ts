import type { Descriptor } from '../oci/descriptor.js';
import { UnauthorizedError } from '../oci/errors.js';

/**
 * What was found, as far as it may be seen: some registries answer for what is not there, or for who may only write, as
 * for what may not be seen.
 */
export async function undefinedIfDenied(
  found: Promise<Descriptor | undefined>,
): Promise<Descriptor | undefined> {
  try {
    return await found;
  } catch (error) {
    if (error instanceof UnauthorizedError) return undefined;
    throw error;
  }
}
