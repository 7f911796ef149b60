/** Query parameters that are not secret. Any other may be a signature, a token or a session. */
const PLAIN_PARAMETERS: ReadonlySet<string> = new Set([
  'scope',
  'service',
  'mount',
  'from',
  'digest',
  'n',
  'last',
]);

/** Headers that never carry a secret. Every other value is redacted. */
const PLAIN_HEADERS: ReadonlySet<string> = new Set([
  'accept',
  'accept-ranges',
  'connection',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'date',
  'docker-content-digest',
  'docker-distribution-api-version',
  'etag',
  'oci-chunk-min-length',
  'oci-filters-applied',
  'oci-subject',
  'oci-tag',
  'range',
  'ratelimit-limit',
  'ratelimit-remaining',
  'retry-after',
  'server',
  'transfer-encoding',
  'user-agent',
  'via',
  'warning',
  'www-authenticate',
]);

/** Headers whose value is a URL. */
const URL_HEADERS: ReadonlySet<string> = new Set(['location']);

/** Replaces everything secret in messages and logs. */
export const REDACTED = 'REDACTED';

/** The paths of the registry API (distribution-spec, "Endpoints"). */
const REGISTRY_PATH = /^\/v2\/(?:_catalog$|(?:.+\/)?(?:manifests|blobs|tags|referrers)\/|$)/;

/** A part of any other path, such as that of a token server, that is too short for a signature or a token. */
const PLAIN_SEGMENT = /^[\w.~-]{0,20}$/;

/**
 * Returns a URL for output: without user information and fragment, and with the values of harmless query parameters only.
 * Of a path that is not one of the registry API, only short parts are shown: the URLs that a registry redirects to can
 * have a signature in the path.
 */
export function redactUrl(url: URL): string {
  const userInfo = url.username === '' && url.password === '' ? '' : `${REDACTED}@`;
  return `${url.protocol}//${userInfo}${url.host}${redactPath(url.pathname)}${redactQuery(url.search)}`;
}

/** Returns headers for output: names in lower case, and the values of harmless headers only. */
export function redactHeaders(
  headers: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string>> {
  const redacted: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) redacted[name.toLowerCase()] = redactHeader(name.toLowerCase(), value);
  }
  return redacted;
}

function redactHeader(name: string, value: string): string {
  if (PLAIN_HEADERS.has(name)) return value;
  if (!URL_HEADERS.has(name)) return REDACTED;
  if (URL.canParse(value)) return redactUrl(new URL(value));
  if (!value.startsWith('/') || value.startsWith('//')) return REDACTED;
  const [path = '', ...query] = value.replace(/#.*$/s, '').split('?');
  return redactPath(path) + redactQuery(query.length === 0 ? '' : `?${query.join('?')}`);
}

function redactPath(path: string): string {
  if (REGISTRY_PATH.test(path)) return path;
  return path
    .split('/')
    .map((segment) => (PLAIN_SEGMENT.test(segment) ? segment : REDACTED))
    .join('/');
}

/** Works on the raw text, so that the output shows what was sent. */
function redactQuery(search: string): string {
  if (search === '') return '';
  // Some servers also separate parameters by semicolons.
  const redacted = search.slice(1).replaceAll(/[^&;]+/g, (parameter) => {
    const end = parameter.indexOf('=');
    // A parameter without a value may be the secret itself.
    if (end === -1) return REDACTED;
    const name = parameter.slice(0, end);
    return PLAIN_PARAMETERS.has(name) ? parameter : `${name}=${REDACTED}`;
  });
  return `?${redacted}`;
}
