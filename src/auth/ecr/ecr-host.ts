import type { RegistryHost } from '../../oci/reference.js';

/** What the host of an Amazon ECR registry identifies. */
export type EcrHost =
  | {
      readonly kind: 'private';
      /** The account that owns the registry: twelve digits. */
      readonly account: string;
      readonly region: string;
      /** Whether it is a FIPS endpoint. */
      readonly fips: boolean;
      /** Whether it is a dual-stack endpoint (IPv4 and IPv6). */
      readonly dualStack: boolean;
    }
  | { readonly kind: 'public' };

/** The region of the public registry's API. */
export const PUBLIC_REGION = 'us-east-1';

/** The domains of all partitions: commercial, China, European sovereign and isolated. */
const DOMAINS = [
  'amazonaws\\.com',
  'amazonaws\\.com\\.cn',
  'amazonaws\\.eu',
  'sc2s\\.sgov\\.gov',
  'c2s\\.ic\\.gov',
  'cloud\\.adc-e\\.uk',
  'csp\\.hci\\.ic\\.gov',
].join('|');
const DUAL_STACK_DOMAINS = ['on\\.aws', 'on\\.amazonwebservices\\.com\\.cn'].join('|');

const PRIVATE = new RegExp(
  '^(?<account>\\d{12})\\.dkr[.-]ecr(?<fips>-fips)?\\.(?<region>[a-z0-9][a-z0-9_-]*)\\.' +
    `(?:${DOMAINS}|(?<dualStack>${DUAL_STACK_DOMAINS}))$`,
);
const PUBLIC: ReadonlySet<string> = new Set(['public.ecr.aws', 'ecr-public.aws.com']);

/**
 * Parses the host of an Amazon ECR registry; `undefined` for any other host. A host with a port is not Amazon's: credentials
 * must not go to a name that only looks like it.
 */
export function parseEcrHost(host: RegistryHost): EcrHost | undefined {
  const name = host.toLowerCase();
  if (PUBLIC.has(name)) return { kind: 'public' };
  const groups = PRIVATE.exec(name)?.groups;
  if (groups === undefined) return undefined;
  const { account = '', region = '', fips, dualStack } = groups;
  return { kind: 'private', account, region, fips: fips !== undefined, dualStack: dualStack !== undefined };
}

/** Returns the shell command that saves a login for an ECR registry. */
export function logInToEcr(host: EcrHost, registry: RegistryHost): string {
  const login = `multiarch login --username AWS --password-stdin ${registry}`;
  return `${awsCommand(host, 'get-login-password')} | ${login}`;
}

/** Returns a command of the AWS CLI for an ECR registry, in the region of its API. */
export function awsCommand(host: EcrHost, command: string): string {
  return host.kind === 'public'
    ? `aws ecr-public ${command} --region ${PUBLIC_REGION}`
    : `aws ecr ${command} --region ${host.region}`;
}
