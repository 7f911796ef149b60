import type { OnEvent } from '../content/events.js';
import { checkData } from '../oci/descriptor-rules.js';
import type { Descriptor } from '../oci/descriptor.js';

/**
 * Returns an entry of a source index without `data` that is not the content of its digest: a new index must not have it
 * (image-spec, "OCI Content Descriptors", `data`).
 * @param label the index in messages
 */
export function withoutStaleData(
  descriptor: Descriptor,
  label: string,
  onEvent: OnEvent | undefined,
): Descriptor {
  const [problem] = checkData('', { ...descriptor });
  if (problem === undefined) return descriptor;
  const { data: _, ...rest } = descriptor;
  const message = `${label} has stale data for ${descriptor.digest}, which is left out: it ${problem.message}`;
  onEvent?.({ kind: 'warning', message });
  return rest;
}
