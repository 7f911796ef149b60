import type { RegistryHost } from '../../oci/reference.js';

/** What the host of an Amazon ECR registry says about it. */
export type EcrHost =
  | {
      readonly kind: 'private';
      /** The account that the registry belongs to: twelve digits. */
      readonly account: string;
      readonly region: string;
      /** Whether it is one of the endpoints that are validated by FIPS 140. */
      readonly fips: boolean;
      /** Whether it is one of the endpoints that have IPv6 addresses too. */
      readonly dualStack: boolean;
    }
  | { readonly kind: 'public' };

/** The domains of all partitions: the commercial one, China, the European sovereign one, and the isolated ones. */
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
 * Reads the host of a registry as one of Amazon ECR; `undefined` for any other. A host with a port is none: a name that
 * only looks like Amazon's must not be given Amazon's credentials.
 */
export function parseEcrHost(host: RegistryHost): EcrHost | undefined {
  const name = host.toLowerCase();
  if (PUBLIC.has(name)) return { kind: 'public' };
  const groups = PRIVATE.exec(name)?.groups;
  if (groups === undefined) return undefined;
  const { account = '', region = '', fips, dualStack } = groups;
  return { kind: 'private', account, region, fips: fips !== undefined, dualStack: dualStack !== undefined };
}
