import type { HttpClient } from '../../http/message.js';
import { CancelledError, FailedError } from '../../oci/errors.js';
import type { RegistryHost } from '../../oci/reference.js';
import { SecretRedactor } from '../requests/secret-redactor.js';
import { AwsRequestError, awsRequestHandler } from './aws-requests.js';
import { awsSource } from './aws-source.js';
import { ecrError, isWithoutCredentials } from './ecr-errors.js';
import { PUBLIC_REGION, type EcrHost } from './ecr-host.js';

/** A temporary login that Amazon ECR issues. */
export interface EcrAuthorization {
  readonly username: string;
  readonly password: string;
  /** In milliseconds since 1970. */
  readonly expiresAt: number;
  /** The source of the AWS credentials: `the environment`. `undefined` if the SDK does not say. */
  readonly source?: string | undefined;
}

export interface EcrAuthorizationOptions {
  readonly signal?: AbortSignal | undefined;
  /** Sends the SDK's requests. @default the SDK's own client, which does not use proxies */
  readonly http?: HttpClient | undefined;
}

/** The API's response: for a private registry in an array of one, for the public one the object itself. */
interface AuthorizationData {
  readonly authorizationToken?: string | undefined;
  readonly expiresAt?: Date | undefined;
}

interface Issued {
  readonly data: AuthorizationData | undefined;
  readonly source: string | undefined;
}

/** In milliseconds: the documented lifetime (GetAuthorizationToken, "authorizationToken"). */
const LIFETIME = 12 * 3600_000;

/** Without a logger, the SDK prints warnings to stderr. */
const SILENT = { debug: ignore, info: ignore, warn: ignore, error: ignore };

/**
 * Requests an authorization from Amazon ECR (GetAuthorizationToken), with the AWS credentials that the SDK finds:
 * environment, profile, SSO, web identity, container, instance. The SDK, which takes longer to load than a request, is
 * loaded here only. It reads the process's own environment.
 *
 * @param name the registry, for messages
 * @returns `undefined` for the public registry without AWS credentials: it can be read anonymously
 * @throws UnauthorizedError without credentials or permission; RateLimitedError, UnavailableError, CancelledError;
 *   FailedError if the response cannot be read
 */
export async function requestEcrAuthorization(
  host: EcrHost,
  name: RegistryHost,
  { http, signal }: EcrAuthorizationOptions = {},
): Promise<EcrAuthorization | undefined> {
  const secrets = new SecretRedactor();
  const settings = clientSettings(http, secrets);
  let issued: Issued;
  try {
    issued =
      host.kind === 'public' ? await askPublic(settings, signal) : await askPrivate(host, settings, signal);
  } catch (thrown) {
    if (signal?.aborted === true) throw new CancelledError(`cancelled: log in to ${name}`);
    if (host.kind === 'public' && isWithoutCredentials(thrown)) return undefined;
    const error = thrown instanceof AwsRequestError ? thrown.failure : thrown;
    throw ecrError({ error, host, name, hide: (text) => secrets.hide(text), env: process.env });
  }
  return readAuthorization(issued, name);
}

type ClientSettings = ReturnType<typeof clientSettings>;

/** Returns the settings that both clients share. */
function clientSettings(http: HttpClient | undefined, secrets: SecretRedactor) {
  if (http === undefined) return { logger: SILENT };
  const requestHandler = awsRequestHandler(http, secrets);
  // The client passes its configuration on to the credential providers; the one for SSO reads `clientConfig` only.
  return { logger: SILENT, requestHandler, clientConfig: { requestHandler } };
}

async function askPrivate(
  { region, fips, dualStack }: Extract<EcrHost, { kind: 'private' }>,
  settings: ClientSettings,
  signal: AbortSignal | undefined,
): Promise<Issued> {
  const { ECRClient, GetAuthorizationTokenCommand } = await import('./aws-sdk.js');
  const endpoint = { region, useFipsEndpoint: fips, useDualstackEndpoint: dualStack };
  const client = new ECRClient({ ...endpoint, ...settings });
  try {
    const { authorizationData } = await client.send(new GetAuthorizationTokenCommand({}), abortable(signal));
    return { data: authorizationData?.[0], source: awsSource(await client.config.credentials()) };
  } finally {
    client.destroy();
  }
}

async function askPublic(settings: ClientSettings, signal: AbortSignal | undefined): Promise<Issued> {
  const { ECRPUBLICClient, GetPublicAuthorizationTokenCommand } = await import('./aws-sdk.js');
  const client = new ECRPUBLICClient({ region: PUBLIC_REGION, ...settings });
  try {
    const { authorizationData } = await client.send(
      new GetPublicAuthorizationTokenCommand({}),
      abortable(signal),
    );
    return { data: authorizationData, source: awsSource(await client.config.credentials()) };
  } finally {
    client.destroy();
  }
}

function abortable(abortSignal: AbortSignal | undefined): { readonly abortSignal?: AbortSignal } {
  return abortSignal === undefined ? {} : { abortSignal };
}

/** Decodes the token: `AWS:PASSWORD` in Base64. */
function readAuthorization({ data, source }: Issued, name: RegistryHost): EcrAuthorization {
  const text = Buffer.from(data?.authorizationToken ?? '', 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon < 1) throw new FailedError(`cannot read the authorization that Amazon ECR issued for ${name}`);
  return {
    username: text.slice(0, colon),
    password: text.slice(colon + 1),
    expiresAt: data?.expiresAt?.getTime() ?? Date.now() + LIFETIME,
    source,
  };
}

function ignore(): void {
  // The errors that the SDK throws say what the user needs to know.
}
