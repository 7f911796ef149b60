const PROOF =
  '(?:token|credential|password|login|jwt|authori[sz]ation|authentication|(?<!upload[ _])session)s?';

/**
 * "Your authorization token has expired", "TOKEN_EXPIRED", "expired credentials", and Amazon's "authorization token is
 * invalid", which it says of old ones too. With what it is that has expired, since tags and certificates do so as well.
 */
const EXPIRED = new RegExp(
  `${PROOF}[^.;:]{0,40}(?<!un)expired|(?<!un)expired[ _-]?${PROOF}|\\bauthorization token is invalid\\b`,
  'i',
);

/**
 * Whether a server's words say that a login or token has run out, so that a new one may do. Not all of them say that with a
 * 401.
 */
export function isExpiredAuthorization(words: string): boolean {
  return EXPIRED.test(words);
}
