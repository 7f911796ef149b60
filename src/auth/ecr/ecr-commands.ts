import type { RegistryHost } from '../../oci/reference.js';
import type { EcrHost } from './ecr-host.js';

/** Where ECR's public registry has its API, wherever the images are read from. */
export const PUBLIC_REGION = 'us-east-1';

/** The shell command that gives a registry of Amazon ECR a login of its own. */
export function logInToEcr(host: EcrHost, registry: RegistryHost): string {
  const login = `multiarch login --username AWS --password-stdin ${registry}`;
  return `${awsCommand(host, 'get-login-password')} | ${login}`;
}

/** A call of the AWS command line about a registry, in the region of its API. */
export function awsCommand(host: EcrHost, words: string): string {
  return host.kind === 'public'
    ? `aws ecr-public ${words} --region ${PUBLIC_REGION}`
    : `aws ecr ${words} --region ${host.region}`;
}
