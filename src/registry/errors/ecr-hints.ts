import { awsCommand, logInToEcr } from '../../auth/ecr/ecr-commands.js';
import { parseEcrHost } from '../../auth/ecr/ecr-host.js';
import { isExpiredAuthorization } from '../../auth/requests/expired-authorization.js';
import type { Repository } from '../../oci/reference.js';
import type { Operation } from '../operation.js';

/** What Amazon asks for, for a right that it calls by no name ("IAM permissions" of docs/registries/amazon-ecr.md). */
const ACTIONS = {
  read: ['BatchGetImage', 'GetDownloadUrlForLayer'],
  write: [
    'BatchCheckLayerAvailability',
    'InitiateLayerUpload',
    'UploadLayerPart',
    'CompleteLayerUpload',
    'PutImage',
  ],
} as const;

/** The command that makes a repository of Amazon ECR; `undefined` for a registry of anybody else. */
export function createEcrRepository({ registry, path }: Repository): string | undefined {
  const host = parseEcrHost(registry);
  if (host === undefined) return undefined;
  // In the public registry, the first part of a name is the alias of whom it belongs to.
  const name = host.kind === 'public' ? path.replace(/^[^/]*\//, '') : path;
  return awsCommand(host, `create-repository --repository-name ${name}`);
}

/** What to do where Amazon ECR refuses a login or its rights; `undefined` for a registry of anybody else. */
export function deniedByEcrHint(
  { status, words }: { readonly status: number; readonly words: string },
  { repository, verb }: Operation,
): string | undefined {
  const { registry, path } = repository;
  const host = parseEcrHost(registry);
  if (host === undefined) return undefined;
  if (isExpiredAuthorization(words)) return `Log in again: ${logInToEcr(host, registry)}`;
  if (status === 401)
    return `Log in to AWS, or give the registry a login of its own: ${logInToEcr(host, registry)}`;
  const [, action] = /\bnot authorized to perform: ([\w-]+:\w+)/.exec(words) ?? [];
  const service = host.kind === 'public' ? 'ecr-public' : 'ecr';
  const needed =
    action === undefined
      ? `permissions ${ACTIONS[verb].map((name) => `${service}:${name}`).join(', ')}`
      : `permission ${action}`;
  // Who has not logged in can read all there is, and learns of it here.
  const who =
    host.kind === 'public' ? 'Log in to AWS where that is not done; whoever does' : 'Whoever is logged in';
  return (
    `${who} needs the IAM ${needed} on ${path}; where that is another account's, ` +
    "the repository's own policy has to allow it too."
  );
}

/** What to do where Amazon ECR limits the rate of requests; `undefined` where a login may have a higher one. */
export function throttledByEcrHint({ repository }: Operation): string | undefined {
  if (parseEcrHost(repository.registry)?.kind !== 'private') return undefined;
  return 'Try again later, or with fewer requests at once (--concurrency); the limits are those of the AWS account and region.';
}
