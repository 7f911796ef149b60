import type { HttpResponse } from '../../http/message.js';
import {
  RateLimitedError,
  UnauthorizedError,
  UnavailableError,
  type MultiarchErrorOptions,
  type MultiarchError,
  type RegistryErrorDetail,
  printable,
} from '../../oci/errors.js';
import type { RegistryHost } from '../../oci/reference.js';
import type { Credential } from '../credentials/credential.js';
import { logInToEcr } from '../ecr/ecr-commands.js';
import { parseEcrHost } from '../ecr/ecr-host.js';
import { SecretRedactor } from './secret-redactor.js';

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
  const secrets = new SecretRedactor();
  secrets.addLogin(credential);
  const errors = await readErrors(response, secrets);
  const words = errors.map(({ code, message }) => [code, message].filter((part) => part !== '').join(': '));
  const said = words.length === 0 ? `HTTP status ${response.status}` : words.join('; ');
  const exchange = { ...response.request, status: response.status, errors };
  const about = (text: string, hint?: string): [string, MultiarchErrorOptions] => [
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
    ? new UnauthorizedError(
        ...about(`Not logged in to ${registry}`, `Log in with: multiarch login ${registry}`),
      )
    : new UnauthorizedError(...about(`The login for ${registry} was refused`, loginHint(registry)));
}

/** Of logins to Amazon's public registry, those that have run out are in the way of who could read without one. */
function loginHint(registry: RegistryHost): string {
  const host = parseEcrHost(registry);
  return host === undefined
    ? `Check the user name and password, and log in again with: multiarch login ${registry}`
    : `Log in again: ${logInToEcr(host, registry)}; or go on without a login: multiarch logout ${registry}`;
}

async function readErrors(
  response: HttpResponse,
  secrets: SecretRedactor,
): Promise<readonly RegistryErrorDetail[]> {
  let text: string;
  try {
    text = secrets.hideInBody(Buffer.from(await response.bytes(BODY_LIMIT)).toString('utf8'));
  } catch {
    // The status alone has to do.
    return [];
  }
  return errorsIn(text)
    .map(({ code, message }) => ({ code: shown(code), message: shown(message) }))
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

/** Text that may be shown: one line, without what moves a terminal's cursor. Empty where it is no text. */
function shown(value: unknown): string {
  if (typeof value !== 'string') return '';
  const line = printable(value);
  return line.length > WORDS_LIMIT ? `${line.slice(0, WORDS_LIMIT)}…` : line;
}
