import type { Descriptor } from '../oci/descriptor.js';
import { UnauthorizedError } from '../oci/errors.js';

/**
 * Turns UnauthorizedError into `undefined`: some registries respond so for missing content too, or if the login may only
 * push.
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
