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

/** Returns the typed error for an authorization that AWS did not issue. */
export function ecrError(failure: EcrFailure): MultiarchError {
  const { error, host, name, hide, env } = failure;
  const { name: kind = '', message = '' } = error instanceof Error ? error : {};
  // Redacted before it is clipped: a part of a secret would not be found.
  const words = clippedLine((hide(message).trim().split('\n', 1)[0] ?? '').trim());
  const reason = words === '' ? clippedLine(hide(kind)) : words;
  const options = (hint: string | undefined): MultiarchErrorOptions => ({
    hint,
    cause: harmlessCause(error, hide),
  });

  if (isWithoutCredentials(error)) return withoutCredentials(failure, reason, options);
  const unreadable = unreadableFile(error);
  if (unreadable !== undefined) {
    return new UnauthorizedError(
      `no AWS credentials to log in to ${name}: cannot read ${unreadable}`,
      options(`${tokenFile(env)} names the file with the token of a web identity, which must be readable.`),
    );
  }
  if (/^(?:InvalidIdentityToken|IDPRejectedClaim)/.test(kind)) {
    return new UnauthorizedError(
      `AWS rejected the web identity for ${name}: ${reason}`,
      options(
        `Check that the token in the file that ${tokenFile(env)} names has not expired, and that the role's trust policy names its issuer.`,
      ),
    );
  }
  if (kind.startsWith('AccessDenied')) {
    return new UnauthorizedError(
      `AWS denied a login to ${name}: ${reason}`,
      options(missingPermission(words, host)),
    );
  }
  if (
    /^(?:ExpiredToken|UnrecognizedClient|InvalidClientTokenId|InvalidSignature|SignatureDoesNotMatch)/.test(
      kind,
    )
  ) {
    return new UnauthorizedError(
      `AWS rejected the credentials for ${name}: ${reason}`,
      options('They are wrong or have expired. Log in to AWS again, for example with: aws sso login'),
    );
  }
  if (/Throttling|TooManyRequests|RequestLimitExceeded/.test(kind)) {
    return new RateLimitedError(
      `too many logins to ${name}: ${reason}`,
      options(`Retry later, or let several runs share one login: ${logInToEcr(host, name)}`),
    );
  }
  const known = error instanceof MultiarchError ? error.hint : undefined;
  return new UnavailableError(
    `no login for ${name} from Amazon ECR: ${reason}`,
    options(known ?? 'Check the region and the network. AWS_ENDPOINT_URL_ECR overrides the URL of the API.'),
  );
}

/** Reports whether an error of the SDK means that it found no AWS credentials. */
export function isWithoutCredentials(error: unknown): boolean {
  return error instanceof Error && /^(?:CredentialsProviderError|TokenProviderError)$/.test(error.name);
}

/** The SDK throws the error of the last source it tried. The AWS CLI tells why the others have no credentials. */
function withoutCredentials(
  { host, name, env }: EcrFailure,
  reason: string,
  options: (hint: string) => MultiarchErrorOptions,
): UnauthorizedError {
  const set = VARIABLES.filter((variable) => (env[variable] ?? '') !== '');
  const found = set.length === 0 ? 'None of the variables for these is set.' : `Set: ${set.join(', ')}.`;
  return new UnauthorizedError(
    `no AWS credentials to log in to ${name}: ${reason}`,
    options(
      'Tried: the environment (AWS_ACCESS_KEY_ID), the profile (AWS_PROFILE) with SSO, web identity, the container ' +
        `and the instance. ${found} To see why, run: aws sts get-caller-identity. ` +
        `Log in to AWS, or save a login for the registry: ${logInToEcr(host, name)}`,
    ),
  );
}

/** The error message of STS has no colon. */
function missingPermission(message: string, host: EcrHost): string {
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
