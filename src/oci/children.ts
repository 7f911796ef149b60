import type { Descriptor } from './descriptor.js';
import type { Document } from './document.js';

/**
 * What a document cannot be without, in its order and with its repetitions: the entries of an index; the config and
 * the layers of a manifest. Among the layers may be some that are not for distribution (`isNonDistributableType`).
 * Not `subject`: it is what the document speaks about, and may be missing (image-spec, "subject").
 */
export function childrenOf(document: Document): readonly Descriptor[] {
  if (document.kind === 'index') return document.value.manifests;
  return [document.value.config, ...document.value.layers];
}
