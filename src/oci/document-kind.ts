import { isJsonObject } from './json.js';
import { DOCKER_LIST, OCI_INDEX, isManifestType } from './media-type.js';

/** The documents that can be validated. */
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
 * What a value read from JSON is: by its `mediaType` where it says its own, else by the members that only one kind has.
 * `undefined` where it is none of the kinds. A `mediaType` beside a `digest` is that of something else: a descriptor.
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
  if (has('target') && has('images')) return 'assembly';
  if (has('manifests')) return 'image-index';
  if (has('layers')) return 'image-manifest';
  if (has('rootfs') || (has('architecture') && has('os'))) return 'image-config';
  return undefined;
}
