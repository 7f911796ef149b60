import type { Credential } from '../credentials/credential.js';

/** Anything else could end the header and start another. */
const HEADER_SAFE = /^[\x21-\x7e]+$/;

/** Whether a token can be sent in a header as it is. */
export function isHeaderSafe(token: string): boolean {
  return HEADER_SAFE.test(token);
}

/** The value of an Authorization header by user name and password (RFC 7617). */
export function basicAuthorization(credential: Extract<Credential, { kind: 'basic' }>): string {
  return `Basic ${Buffer.from(`${credential.username}:${credential.password}`).toString('base64')}`;
}

/** The value of an Authorization header by a token (RFC 6750). */
export function bearerAuthorization(token: string): string {
  return `Bearer ${token}`;
}
