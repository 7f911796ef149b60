import type { OnEvent } from '../content/events.js';
import type { Descriptor } from '../oci/descriptor.js';
import { digestAlgorithm } from '../oci/digest.js';

/**
 * Warns of content whose digest has an algorithm other than sha256 and sha512. It is listed as it is (image-spec,
 * "Digests"), but neither this program nor most clients can verify it.
 * @param label the image or index in messages
 */
export function warnOfUnverifiable(
  descriptors: readonly Descriptor[],
  label: string,
  onEvent: OnEvent | undefined,
): void {
  const unverifiable = descriptors.filter(({ digest }) => digestAlgorithm(digest) === undefined);
  const [first] = unverifiable;
  if (first === undefined) return;
  const more = unverifiable.length === 1 ? '' : ` and ${unverifiable.length - 1} more`;
  const message = `${label} lists ${first.digest}${more}, which cannot be verified: unknown digest algorithm`;
  onEvent?.({ kind: 'warning', message });
}
