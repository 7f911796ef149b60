import {
  MultiarchError,
  RateLimitedError,
  UnauthorizedError,
  UnavailableError,
  type MultiarchErrorOptions,
  printable,
} from '../../oci/errors.js';
import type { RegistryHost } from '../../oci/reference.js';
import { logInToEcr } from './ecr-commands.js';
import type { EcrHost } from './ecr-host.js';

const WORDS_LIMIT = 300;

/** All that decides where the SDK looks for credentials. */
const VARIABLES = [
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_PROFILE',
  'AWS_CONFIG_FILE',
  'AWS_SHARED_CREDENTIALS_FILE',
  'AWS_WEB_IDENTITY_TOKEN_FILE',
  'AWS_ROLE_ARN',
  'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
  'AWS_CONTAINER_CREDENTIALS_FULL_URI',
  'AWS_EC2_METADATA_DISABLED',
] as const;

export interface EcrErrorKind {
  /** What the SDK threw. Its errors have no types in common but their names, and may repeat what was sent. */
  readonly error: unknown;
  readonly host: EcrHost;
  /** The registry, as messages call it. */
  readonly name: RegistryHost;
  /** Why there are no credentials, where that is known. */
  readonly reasons: readonly string[];
  /** Takes out of a text what was sent and is secret. */
  readonly hide: (text: string) => string;
  /** What the SDK reads. */
  readonly env: NodeJS.ProcessEnv;
}

/** The typed error for an authorization that AWS did not give. */
export function ecrError(refusal: EcrErrorKind): MultiarchError {
  const { error, host, name, hide, env } = refusal;
  const { name: kind = '', message = '' } = error instanceof Error ? error : {};
  // Hidden first: of a secret that is cut off, the rest would not be found.
  const words = shown((hide(message).trim().split('\n', 1)[0] ?? '').trim());
  const reason = words === '' ? shown(hide(kind)) : words;
  const options = (hint: string | undefined): MultiarchErrorOptions => ({
    hint,
    cause: harmlessCause(error, hide),
  });

  if (isWithoutCredentials(error)) return withoutCredentials(refusal, reason, options);
  const unreadable = unreadableFile(error);
  if (unreadable !== undefined) {
    return new UnauthorizedError(
      `there are no AWS credentials to log in to ${name} with: cannot read ${unreadable}`,
      options(
        `${tokenFile(env)} names the file with the token of a web identity: it has to be there, and readable.`,
      ),
    );
  }
  if (/^(?:InvalidIdentityToken|IDPRejectedClaim)/.test(kind)) {
    return new UnauthorizedError(
      `AWS does not accept the web identity for ${name}: ${reason}`,
      options(
        `Check that the token in the file that ${tokenFile(env)} names is a new one, and that the role's trust policy names whoever issues it.`,
      ),
    );
  }
  if (kind.startsWith('AccessDenied')) {
    return new UnauthorizedError(
      `AWS does not allow a login to ${name}: ${reason}`,
      options(missingPermission(words, host)),
    );
  }
  if (
    /^(?:ExpiredToken|UnrecognizedClient|InvalidClientTokenId|InvalidSignature|SignatureDoesNotMatch)/.test(
      kind,
    )
  ) {
    return new UnauthorizedError(
      `AWS does not accept the credentials for ${name}: ${reason}`,
      options('They are wrong or have expired: log in to AWS anew, such as with aws sso login.'),
    );
  }
  if (/Throttling|TooManyRequests|RequestLimitExceeded/.test(kind)) {
    return new RateLimitedError(
      `AWS limits the rate of logins to ${name}: ${reason}`,
      options(`Try again in a while, or let several runs share one login: ${logInToEcr(host, name)}`),
    );
  }
  const known = error instanceof MultiarchError ? error.hint : undefined;
  return new UnavailableError(
    `Amazon ECR gave no login for ${name}: ${reason}`,
    options(
      known ?? 'Check the region and the network; AWS_ENDPOINT_URL_ECR replaces the address of the API.',
    ),
  );
}

export function isWithoutCredentials(error: unknown): boolean {
  return error instanceof Error && /^(?:CredentialsProviderError|TokenProviderError)$/.test(error.name);
}

function withoutCredentials(
  { host, name, reasons, env }: EcrErrorKind,
  reason: string,
  options: (hint: string) => MultiarchErrorOptions,
): UnauthorizedError {
  const set = VARIABLES.filter((variable) => (env[variable] ?? '') !== '');
  const found = set.length === 0 ? 'None of the variables for these is set.' : `Set are ${set.join(', ')}.`;
  return new UnauthorizedError(
    `there are no AWS credentials to log in to ${name} with: ${reasons.length === 0 ? reason : reasons.join('; ')}`,
    options(
      'Tried: the environment (AWS_ACCESS_KEY_ID), the profile (AWS_PROFILE) with SSO, web identity, the container ' +
        `and the instance. ${found} Log in to AWS, or give the registry a login of its own with: ` +
        logInToEcr(host, name),
    ),
  );
}

/** STS leaves out the colon. */
function missingPermission(words: string, host: EcrHost): string {
  const isPublic = host.kind === 'public';
  const [, action] = /\bnot authorized to perform:? ?([\w-]+:\w+)/i.exec(words) ?? [];
  if (action?.startsWith('sts:AssumeRole') === true) {
    return (
      `The trust policy of the role has to allow ${action} to whoever asks for it` +
      (action === 'sts:AssumeRole' ? ', who needs the IAM permission for it too.' : '.')
    );
  }
  const both = isPublic ? 'ecr-public:GetAuthorizationToken and sts:GetServiceBearerToken' : undefined;
  // The public registry's login takes two, and AWS names one at a time.
  const isOfLogin = action === undefined || both?.includes(action) === true;
  const needed = isOfLogin ? (both ?? 'ecr:GetAuthorizationToken') : action;
  return `Whoever these AWS credentials belong to needs the IAM permission ${needed}, on all resources.`;
}

/** The variable or setting that names the file with the token of a web identity. */
function tokenFile(env: NodeJS.ProcessEnv): string {
  return env['AWS_WEB_IDENTITY_TOKEN_FILE'] === undefined
    ? 'web_identity_token_file of the profile'
    : 'AWS_WEB_IDENTITY_TOKEN_FILE';
}

/** The path of the file that could not be read, and why. Of all files the SDK reads, only that of a web identity has to be there. */
function unreadableFile(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || !('path' in error)) return undefined;
  const { code, path } = error;
  if (typeof code !== 'string' || typeof path !== 'string' || !/^E[A-Z]+$/.test(code)) return undefined;
  return `${printable(path)} (${code})`;
}

/** For --debug. The SDK's own errors hold the answer, in fields that are printed too. */
function harmlessCause(error: unknown, hide: (text: string) => string): unknown {
  if (error instanceof MultiarchError || !(error instanceof Error)) return error;
  const metadata: unknown = '$metadata' in error ? error.$metadata : undefined;
  const { httpStatusCode, requestId } =
    typeof metadata === 'object' && metadata !== null
      ? (metadata as { readonly httpStatusCode?: unknown; readonly requestId?: unknown })
      : {};
  return {
    name: shown(hide(error.name)),
    ...(typeof httpStatusCode === 'number' && { status: httpStatusCode }),
    ...(typeof requestId === 'string' && { requestId: shown(hide(requestId)) }),
  };
}

function shown(text: string): string {
  const line = printable(text);
  return line.length > WORDS_LIMIT ? `${line.slice(0, WORDS_LIMIT)}…` : line;
}
