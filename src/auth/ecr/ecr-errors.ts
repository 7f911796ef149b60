import { clippedLine } from '../../http/error-text.js';
import {
  MultiarchError,
  RateLimitedError,
  UnauthorizedError,
  UnavailableError,
  type MultiarchErrorOptions,
  printable,
} from '../../oci/errors.js';
import type { RegistryHost } from '../../oci/reference.js';
import { logInToEcr, type EcrHost } from './ecr-host.js';

/** The variables that decide where the SDK looks for credentials. */
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

const WITHOUT_CREDENTIALS = /^(?:CredentialsProviderError|TokenProviderError)$/;

/** A request for an authorization that failed. */
export interface EcrFailure {
  /** The SDK's error. Only its name tells its type, and it may repeat secrets that were sent. */
  readonly error: unknown;
  readonly host: EcrHost;
  /** The registry, for messages. */
  readonly name: RegistryHost;
  /** Removes the secrets that were sent from a text. */
  readonly hide: (text: string) => string;
  /** The environment that the SDK reads. */
  readonly env: NodeJS.ProcessEnv;
}

interface ErrorRow {
  /** Matches the name of the SDK's error. */
  readonly kind: RegExp;
  readonly Error: new (message: string, options: MultiarchErrorOptions) => MultiarchError;
  /** Begins the message, which the registry and the reason follow. */
  readonly what: string;
  readonly hint: (failure: EcrFailure, message: string) => string;
}

/** The errors of AWS. The first row that matches applies. */
const ERRORS: readonly ErrorRow[] = [
  {
    kind: WITHOUT_CREDENTIALS,
    Error: UnauthorizedError,
    what: 'no AWS credentials to log in to',
    hint: withoutCredentialsHint,
  },
  {
    kind: /^(?:InvalidIdentityToken|IDPRejectedClaim)/,
    Error: UnauthorizedError,
    what: 'AWS rejected the web identity for',
    hint: ({ env }) =>
      `Check that the token in the file that ${tokenFile(env)} names has not expired, and that the role's trust policy names its issuer.`,
  },
  {
    kind: /^AccessDenied/,
    Error: UnauthorizedError,
    what: 'AWS denied a login to',
    hint: ({ host }, message) => missingPermissionHint(message, host),
  },
  {
    kind: /^(?:ExpiredToken|UnrecognizedClient|InvalidClientTokenId|InvalidSignature|SignatureDoesNotMatch)/,
    Error: UnauthorizedError,
    what: 'AWS rejected the credentials for',
    hint: () => 'They are wrong or have expired. Log in to AWS again, for example with: aws sso login',
  },
  {
    kind: /Throttling|TooManyRequests|RequestLimitExceeded/,
    Error: RateLimitedError,
    what: 'too many logins to',
    hint: ({ host, name }) => `Retry later, or let several runs share one login: ${logInToEcr(host, name)}`,
  },
];

/** Returns the typed error for an authorization that AWS did not issue. */
export function ecrError(failure: EcrFailure): MultiarchError {
  const { error, name, hide, env } = failure;
  const { name: kind = '', message = '' } = error instanceof Error ? error : {};
  // Redacted before it is clipped: a part of a secret would not be found.
  const text = clippedLine((hide(message).trim().split('\n', 1)[0] ?? '').trim());
  const reason = text === '' ? clippedLine(hide(kind)) : text;
  const cause = harmlessCause(error, hide);

  const unreadable = unreadableFile(error);
  const row = ERRORS.find((candidate) => candidate.kind.test(kind));
  if (unreadable !== undefined && row?.kind !== WITHOUT_CREDENTIALS) {
    return new UnauthorizedError(`no AWS credentials to log in to ${name}: cannot read ${unreadable}`, {
      hint: `${tokenFile(env)} names the file with the token of a web identity, which must be readable.`,
      cause,
    });
  }
  if (row !== undefined) {
    return new row.Error(`${row.what} ${name}: ${reason}`, { hint: row.hint(failure, text), cause });
  }
  const known = error instanceof MultiarchError ? error.hint : undefined;
  return new UnavailableError(`no login for ${name} from Amazon ECR: ${reason}`, {
    hint: known ?? 'Check the region and the network. AWS_ENDPOINT_URL_ECR overrides the URL of the API.',
    cause,
  });
}

/** Reports whether an error of the SDK means that it found no AWS credentials. */
export function isWithoutCredentials(error: unknown): boolean {
  return error instanceof Error && WITHOUT_CREDENTIALS.test(error.name);
}

/** The SDK throws the error of the last source it tried. The AWS CLI tells why the others have no credentials. */
function withoutCredentialsHint({ host, name, env }: EcrFailure): string {
  const set = VARIABLES.filter((variable) => (env[variable] ?? '') !== '');
  const found = set.length === 0 ? 'None of the variables for these is set.' : `Set: ${set.join(', ')}.`;
  return (
    'Tried: the environment (AWS_ACCESS_KEY_ID), the profile (AWS_PROFILE) with SSO, web identity, the container ' +
    `and the instance. ${found} To see why, run: aws sts get-caller-identity. ` +
    `Log in to AWS, or save a login for the registry: ${logInToEcr(host, name)}`
  );
}

/** The error message of STS has no colon. */
function missingPermissionHint(message: string, host: EcrHost): string {
  const isPublic = host.kind === 'public';
  const [, action] = /\bnot authorized to perform:? ?([\w-]+:\w+)/i.exec(message) ?? [];
  if (action?.startsWith('sts:AssumeRole') === true) {
    return (
      `The role's trust policy must allow ${action} for the caller` +
      (action === 'sts:AssumeRole' ? ', which needs the IAM permission for it too.' : '.')
    );
  }
  const both = isPublic ? 'ecr-public:GetAuthorizationToken and sts:GetServiceBearerToken' : undefined;
  // A login to the public registry needs two permissions, and AWS names one at a time.
  const isOfLogin = action === undefined || both?.includes(action) === true;
  const needed = isOfLogin ? (both ?? 'ecr:GetAuthorizationToken') : action;
  return `The identity of these AWS credentials needs the IAM permission ${needed}, on all resources.`;
}

/** Returns the name of the variable or setting for the file with the token of a web identity. */
function tokenFile(env: NodeJS.ProcessEnv): string {
  return env['AWS_WEB_IDENTITY_TOKEN_FILE'] === undefined
    ? 'web_identity_token_file of the profile'
    : 'AWS_WEB_IDENTITY_TOKEN_FILE';
}

/** Returns the path of an unreadable file with its error code. The SDK requires only the file of a web identity. */
function unreadableFile(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || !('path' in error)) return undefined;
  const { code, path } = error;
  if (typeof code !== 'string' || typeof path !== 'string' || !/^E[A-Z]+$/.test(code)) return undefined;
  return `${printable(path)} (${code})`;
}

/** Returns the cause to print with --debug. The SDK's errors have the response in fields that would be printed too. */
function harmlessCause(error: unknown, hide: (text: string) => string): unknown {
  if (error instanceof MultiarchError || !(error instanceof Error)) return error;
  const metadata: unknown = '$metadata' in error ? error.$metadata : undefined;
  const { httpStatusCode, requestId } =
    typeof metadata === 'object' && metadata !== null
      ? (metadata as { readonly httpStatusCode?: unknown; readonly requestId?: unknown })
      : {};
  return {
    name: clippedLine(hide(error.name)),
    ...(typeof httpStatusCode === 'number' && { status: httpStatusCode }),
    ...(typeof requestId === 'string' && { requestId: clippedLine(hide(requestId)) }),
  };
}
