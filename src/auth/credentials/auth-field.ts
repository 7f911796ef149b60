import { FailedError } from '../../oci/errors.js';

/** Base64 (RFC 4648, 4), its padding optional. */
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/**
 * Decodes the `auth` field of a docker or containers credential file: the base64 of `user:password`. The password
 * may hold colons; NULs around it are dropped, which old versions of docker wrote there.
 *
 * @param place the entry, for the message
 * @returns `undefined` for an empty field, which is no login
 * @throws FailedError
 */
export function decodeAuthField(
  field: string,
  place: string,
): { readonly username: string; readonly password: string } | undefined {
  const encoded = field.replaceAll(/[\r\n]/g, '');
  if (encoded === '') return undefined;
  const decoded = BASE64.test(encoded) ? Buffer.from(encoded, 'base64').toString('utf8') : '';
  const colon = decoded.indexOf(':');
  if (colon === -1) throw new FailedError(`${place}: "auth" is not the base64 of USER:PASSWORD`);
  return {
    username: decoded.slice(0, colon),
    password: decoded.slice(colon + 1).replaceAll(/^\0+|\0+$/g, ''),
  };
}

/** The `auth` field of a login; empty for one that is empty. The user name holds no colon. */
export function encodeAuthField({
  username,
  password,
}: {
  readonly username: string;
  readonly password: string;
}): string {
  if (username === '' && password === '') return '';
  return Buffer.from(`${username}:${password}`).toString('base64');
}
