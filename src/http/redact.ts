/** Query parameters whose values say what is asked for, not who asks. Any other may be a signature, a token or a session. */
const PLAIN_PARAMETERS: ReadonlySet<string> = new Set([
  'scope',
  'service',
  'mount',
  'from',
  'digest',
  'n',
  'last',
]);

/** Headers that never carry a secret. Every other value is hidden, whatever its name. */
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

/** Headers that are a URL. */
const URL_HEADERS: ReadonlySet<string> = new Set(['location']);

const REDACTED = 'REDACTED';

/** A URL as it may be printed: without user info and fragment, and with the values of few query parameters. */
export function redactUrl(url: URL): string {
  const userInfo = url.username === '' && url.password === '' ? '' : `${REDACTED}@`;
  return `${url.protocol}//${userInfo}${url.host}${url.pathname}${redactQuery(url.search)}`;
}

/** Headers as they may be printed: names in lower case, values only of those known to be harmless. */
export function redactHeaders(
  headers: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string>> {
  const shown: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) shown[name.toLowerCase()] = redactHeader(name.toLowerCase(), value);
  }
  return shown;
}

function redactHeader(name: string, value: string): string {
  if (PLAIN_HEADERS.has(name)) return value;
  if (!URL_HEADERS.has(name)) return REDACTED;
  if (URL.canParse(value)) return redactUrl(new URL(value));
  if (!value.startsWith('/') || value.startsWith('//')) return REDACTED;
  const [path = '', ...query] = value.replace(/#.*$/s, '').split('?');
  return path + redactQuery(query.length === 0 ? '' : `?${query.join('?')}`);
}

/** Works on the raw text, so that what is shown is what was sent. */
function redactQuery(search: string): string {
  if (search === '') return '';
  const parameters = search
    .slice(1)
    .split('&')
    .map((parameter) => {
      const end = parameter.indexOf('=');
      // A parameter without a value may be the secret itself.
      if (end === -1) return parameter === '' ? '' : REDACTED;
      const name = parameter.slice(0, end);
      return PLAIN_PARAMETERS.has(name) ? parameter : `${name}=${REDACTED}`;
    });
  return `?${parameters.join('&')}`;
}
