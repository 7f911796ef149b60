import { childrenOf, type ManifestOrIndex } from '../oci/document.js';
import { parseDocument, type DocumentClaim } from '../oci/parse.js';
import { charge } from './budget.js';

/**
 * As `parseDocument`, for a document that a source returned: charges its descriptors to the call's budget.
 * @throws InvalidError; LimitError
 */
export function parseContent(
  bytes: Uint8Array,
  claim: DocumentClaim & { readonly label: string },
): ManifestOrIndex {
  const document = parseDocument(bytes, claim);
  charge('entries', childrenOf(document).length, () => claim.label);
  return document;
}
