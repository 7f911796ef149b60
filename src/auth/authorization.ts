import type { Credential } from './credential.js';

/** The value of an Authorization header by user name and password (RFC 7617). */
export function basicAuthorization(credential: Extract<Credential, { kind: 'basic' }>): string {
  return `Basic ${Buffer.from(`${credential.username}:${credential.password}`).toString('base64')}`;
}

/** The value of an Authorization header by a token (RFC 6750). */
export function bearerAuthorization(token: string): string {
  return `Bearer ${token}`;
}
