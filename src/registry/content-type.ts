import type { MediaType } from '../oci/media-type.js';

const TOKEN = "[!#$%&'*+.^_`|~0-9a-z-]+";
const CONTENT_TYPE = new RegExp(`^[ \\t]*(${TOKEN}/${TOKEN})[ \\t]*(?:;|$)`, 'i');

/**
 * The media type in a Content-Type header (RFC 9110, 8.3), in lower case, without parameters. `undefined` where there
 * is none to be read.
 */
export function mediaTypeOf(contentType: string | undefined): MediaType | undefined {
  return CONTENT_TYPE.exec(contentType ?? '')?.[1]?.toLowerCase();
}
