import type { ManifestOrIndex } from '../oci/document.js';
import { parseDocument } from '../oci/parse.js';
import type { Entry } from './draft.js';

/** A manifest as an entry holds it: its exact text. */
export function manifestText(document: ManifestOrIndex): string {
  return new TextDecoder().decode(document.bytes);
}

/**
 * The manifest that an entry holds; `undefined` for one that holds none.
 * @throws InvalidError where the text is not what the entry's digest and size say
 */
export function heldManifest({ manifest, descriptor }: Entry): ManifestOrIndex | undefined {
  return manifest === undefined ? undefined : parseDocument(new TextEncoder().encode(manifest), descriptor);
}
