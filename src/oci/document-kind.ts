import { isJsonObject } from './json.js';
import { DOCKER_LIST, OCI_INDEX, isManifestType } from './media-type.js';

/** The kinds of documents that can be validated. */
export const DOCUMENT_KINDS = [
  'image-index',
  'docker-manifest-list',
  'image-manifest',
  'image-config',
  'descriptor',
  'oci-layout',
  'draft',
  'assembly',
] as const;

export type DocumentKind = (typeof DOCUMENT_KINDS)[number];

/**
 * Detects the kind of a document from its `mediaType`, or without one from the members that only one kind has. Returns
 * `undefined` for an unknown kind. A manifest-tool spec is a form of assembly file. With a `digest` beside it,
 * `mediaType` is that of other content: a descriptor.
 * @param value parsed JSON
 */
export function detectKind(value: unknown): DocumentKind | undefined {
  if (!isJsonObject(value)) return undefined;
  const has = (name: string): boolean => Object.hasOwn(value, name);
  if (has('digest') && !has('manifests') && !has('layers')) return 'descriptor';
  const mediaType = value['mediaType'];
  if (mediaType === OCI_INDEX) return 'image-index';
  if (mediaType === DOCKER_LIST) return 'docker-manifest-list';
  if (typeof mediaType === 'string') return isManifestType(mediaType) ? 'image-manifest' : undefined;
  if (has('imageLayoutVersion')) return 'oci-layout';
  if (has('target') && has('entries')) return 'draft';
  if ((has('target') && has('images')) || has('lists')) return 'assembly';
  if (has('image') && has('manifests') && !has('schemaVersion')) return 'assembly';
  if (has('manifests')) return 'image-index';
  if (has('layers')) return 'image-manifest';
  if (has('rootfs') || (has('architecture') && has('os'))) return 'image-config';
  return undefined;
}
