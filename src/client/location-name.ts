import type { Digest } from '../oci/digest.js';
import type { ImageLocation } from '../oci/image-location.js';
import type { Tag } from '../oci/reference.js';

/** What a location names within its repository or layout. */
export function nameIn(location: ImageLocation): { readonly tag?: Tag; readonly digest?: Digest } {
  return location.transport === 'oci' ? location : location.reference;
}

/** The same repository or layout under this tag, and no digest. */
export function withTag(location: ImageLocation, tag: Tag): ImageLocation {
  if (location.transport === 'oci') return { transport: 'oci', path: location.path, tag };
  const { registry, path } = location.reference;
  return { transport: 'registry', reference: { registry, path, tag } };
}

/** What has this digest in the same repository or layout. */
export function withDigest(location: ImageLocation, digest: Digest): ImageLocation {
  if (location.transport === 'oci') return { transport: 'oci', path: location.path, digest };
  const { registry, path } = location.reference;
  return { transport: 'registry', reference: { registry, path, digest } };
}
