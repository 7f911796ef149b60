import type { HttpResponse } from '../http/message.js';
import {
  RateLimitedError,
  UnauthorizedError,
  UnavailableError,
  type ErrorOptions,
  type MultiarchError,
  type RegistryErrorDetail,
} from '../oci/errors.js';
import { printable } from '../oci/printable.js';
import type { RegistryHost } from '../oci/reference.js';
import { basicAuthorization } from './authorization.js';
import type { Credential } from './credential.js';

const BODY_LIMIT = 64 * 1024;
const WORDS_LIMIT = 300;

interface Refused {
  readonly registry: RegistryHost;
  readonly realm: URL;
  readonly credential: Credential | undefined;
}

/** The error for a token server's answer that is not a token. Reads the body, for the server's own words. */
export async function tokenServerError(response: HttpResponse, refused: Refused): Promise<MultiarchError> {
  const { registry, realm, credential } = refused;
  const errors = await readErrors(response, secretsOf(credential));
  const words = errors.map(({ code, message }) => [code, message].filter((part) => part !== '').join(': '));
  const said = words.length === 0 ? `HTTP status ${response.status}` : words.join('; ');
  const exchange = { ...response.request, status: response.status, errors };
  const about = (text: string, hint?: string): [string, ErrorOptions] => [
    `${text} (token server ${realm.host}): ${said}`,
    { exchange, hint },
  ];
  if (response.status === 429) {
    return new RateLimitedError(...about(`Too many requests for a token for ${registry}`));
  }
  if (response.status === 408 || response.status < 400 || response.status >= 500) {
    return new UnavailableError(...about(`No token for ${registry}`));
  }
  return credential === undefined
    ? new UnauthorizedError(...about(`Not logged in to ${registry}`, `Log in with: docker login ${registry}`))
    : new UnauthorizedError(
        ...about(
          `The login for ${registry} was refused`,
          `Check the user name and password, and log in again with: docker login ${registry}`,
        ),
      );
}

async function readErrors(
  response: HttpResponse,
  secrets: readonly string[],
): Promise<readonly RegistryErrorDetail[]> {
  let text: string;
  try {
    text = Buffer.from(await response.bytes(BODY_LIMIT)).toString('utf8');
  } catch {
    // The status alone has to do.
    return [];
  }
  return errorsIn(text)
    .map(({ code, message }) => ({ code: shown(code, secrets), message: shown(message, secrets) }))
    .filter(({ code, message }) => code !== '' || message !== '');
}

/** Token servers answer in the registry's form, in OAuth's (RFC 6749, 5.2), in Docker Hub's `{"details": …}`, or in plain text. */
function errorsIn(text: string): readonly { readonly code: unknown; readonly message: unknown }[] {
  let answer: Fields;
  try {
    answer = fieldsOf(JSON.parse(text));
  } catch {
    // A page for a browser says nothing in a terminal.
    return /^\s*</.test(text) ? [] : [{ code: '', message: text }];
  }
  const { errors, error, error_description: description, details, detail, message } = answer;
  if (Array.isArray(errors)) {
    return errors.map((one: unknown) => {
      const fields = fieldsOf(one);
      return { code: fields['code'], message: fields['message'] };
    });
  }
  return [{ code: error, message: description ?? details ?? detail ?? message }];
}

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

/** Text that may be shown: one line, without secrets and without what moves a terminal's cursor. Empty where it is no text. */
function shown(value: unknown, secrets: readonly string[]): string {
  if (typeof value !== 'string') return '';
  const safe = secrets.reduce((rest, secret) => rest.replaceAll(secret, '[redacted]'), value);
  const line = printable(safe);
  return line.length > WORDS_LIMIT ? `${line.slice(0, WORDS_LIMIT)}…` : line;
}

/** Some servers repeat what they were sent, as it was sent. The header's form comes first, as the password may be a part of it. */
function secretsOf(credential: Credential | undefined): readonly string[] {
  if (credential === undefined) return [];
  const secrets =
    credential.kind === 'basic'
      ? [basicAuthorization(credential).slice('Basic '.length), credential.password]
      : [credential.token];
  return secrets.flatMap((secret) => [secret, formEncoded(secret)]).filter((secret) => secret !== '');
}

/** As it stands in a form or a query. */
function formEncoded(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1);
}
