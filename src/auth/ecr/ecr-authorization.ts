import type { HttpClient } from '../../http/message.js';
import { CancelledError, FailedError } from '../../oci/errors.js';
import type { RegistryHost } from '../../oci/reference.js';
import { AwsNotes, type AwsLogger } from './aws-notes.js';
import { AwsRequestError, awsRequestHandler, type AwsRequestHandler } from './aws-requests.js';
import { awsSource } from './aws-source.js';
import { PUBLIC_REGION } from './ecr-commands.js';
import type { EcrHost } from './ecr-host.js';
import { ecrError, isWithoutCredentials } from './ecr-errors.js';
import { SecretRedactor } from '../requests/secret-redactor.js';

/** What Amazon ECR lets someone in with, for a while. */
export interface EcrAuthorization {
  readonly username: string;
  readonly password: string;
  /** In milliseconds since 1970. */
  readonly expiresAt: number;
  /** Where the AWS credentials are from that it was given for: `the environment`. Absent where the SDK does not tell. */
  readonly source?: string | undefined;
}

export interface EcrAuthorizationOptions {
  readonly signal?: AbortSignal | undefined;
  /** What the SDK's requests are sent by. @default the SDK itself, which knows no proxies */
  readonly http?: HttpClient | undefined;
}

/** What the API answers: an array of one for a private registry, the object itself for the public one. */
interface AuthorizationData {
  readonly authorizationToken?: string | undefined;
  readonly expiresAt?: Date | undefined;
}

interface Given {
  readonly data: AuthorizationData | undefined;
  readonly source: string | undefined;
}

/** In milliseconds: what ECR states as long as nothing else is said (GetAuthorizationToken, "authorizationToken"). */
const LIFETIME = 12 * 3600_000;

/**
 * Asks Amazon ECR for an authorization (GetAuthorizationToken), with the AWS credentials that the SDK finds: environment,
 * profile, SSO, web identity, container, instance. The SDK is loaded here and nowhere else: that takes longer than a
 * request. It reads the process's own environment.
 *
 * @param name the registry, as messages call it
 * @returns `undefined` for the public registry where there are no AWS credentials: it can be read without
 * @throws UnauthorizedError where there are no credentials, or they do not allow it; RateLimitedError, UnavailableError
 */
export async function requestEcrAuthorization(
  host: EcrHost,
  name: RegistryHost,
  options: EcrAuthorizationOptions = {},
): Promise<EcrAuthorization | undefined> {
  const { http, signal } = options;
  const notes = new AwsNotes();
  const secrets = new SecretRedactor();
  const sending = sendingBy(http, notes, secrets);
  let given: Given;
  try {
    given =
      host.kind === 'public' ? await askPublic(sending, signal) : await askPrivate(host, sending, signal);
  } catch (thrown) {
    if (signal?.aborted === true) throw new CancelledError(`cancelled: log in to ${name}`);
    if (host.kind === 'public' && isWithoutCredentials(thrown)) return undefined;
    const error = thrown instanceof AwsRequestError ? thrown.failure : thrown;
    const { env } = process;
    const reasons = notes.reasons(env);
    throw ecrError({ error, host, name, reasons, hide: (text) => secrets.hide(text), env });
  }
  return readAuthorization(given, name);
}

async function askPrivate(
  { region, fips, dualStack }: Extract<EcrHost, { kind: 'private' }>,
  sending: Sending,
  signal: AbortSignal | undefined,
): Promise<Given> {
  const { ECRClient, GetAuthorizationTokenCommand } = await import('@aws-sdk/client-ecr');
  const settings = { region, useFipsEndpoint: fips, useDualstackEndpoint: dualStack, ...sending };
  const client = withoutVersionWarning(() => new ECRClient(settings));
  try {
    const answer = await client.send(new GetAuthorizationTokenCommand({}), whileNot(signal));
    return { data: answer.authorizationData?.[0], source: awsSource(await client.config.credentials()) };
  } finally {
    client.destroy();
  }
}

async function askPublic(sending: Sending, signal: AbortSignal | undefined): Promise<Given> {
  const { ECRPUBLICClient, GetAuthorizationTokenCommand } = await import('@aws-sdk/client-ecr-public');
  const client = withoutVersionWarning(() => new ECRPUBLICClient({ region: PUBLIC_REGION, ...sending }));
  try {
    const answer = await client.send(new GetAuthorizationTokenCommand({}), whileNot(signal));
    return { data: answer.authorizationData, source: awsSource(await client.config.credentials()) };
  } finally {
    client.destroy();
  }
}

/**
 * Makes a client of the SDK. The first one says on stderr, at every start, when the SDK will need a newer Node: that is for
 * us to know, not for our users. The variable that keeps it quiet is set meanwhile only, as the environment is not ours.
 */
function withoutVersionWarning<Client>(make: () => Client): Client {
  const name = 'AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED';
  const before = process.env[name];
  process.env[name] = 'true';
  try {
    return make();
  } finally {
    if (before === undefined) delete process.env[name];
    else process.env[name] = before;
  }
}

interface Sending {
  readonly logger: AwsLogger;
  readonly requestHandler?: AwsRequestHandler;
  readonly clientConfig?: { readonly requestHandler: AwsRequestHandler };
}

/** What a client's requests, and those for its credentials, are sent by. */
function sendingBy(http: HttpClient | undefined, { logger }: AwsNotes, secrets: SecretRedactor): Sending {
  if (http === undefined) return { logger };
  const requestHandler = awsRequestHandler(http, secrets);
  // The client hands its whole configuration to the providers, and the one for SSO looks at this part alone.
  return { logger, requestHandler, clientConfig: { requestHandler } };
}

function whileNot(abortSignal: AbortSignal | undefined): { readonly abortSignal?: AbortSignal } {
  return abortSignal === undefined ? {} : { abortSignal };
}

/** The token is `AWS:PASSWORD` in Base64. */
function readAuthorization({ data, source }: Given, name: RegistryHost): EcrAuthorization {
  const text = Buffer.from(data?.authorizationToken ?? '', 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon < 1) {
    throw new FailedError(`Amazon ECR gave an authorization for ${name} that cannot be read`);
  }
  return {
    username: text.slice(0, colon),
    password: text.slice(colon + 1),
    expiresAt: data?.expiresAt?.getTime() ?? Date.now() + LIFETIME,
    source,
  };
}
