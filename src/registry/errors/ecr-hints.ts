import { awsCommand, logInToEcr, parseEcrHost, type EcrHost } from '../../auth/ecr/ecr-host.js';
import { isExpiredAuthorization } from '../../auth/requests/expiry.js';
import type { Selector } from '../../content/source.js';
import { isDigest } from '../../oci/digest.js';
import type { Repository } from '../../oci/reference.js';
import type { Operation } from '../operation.js';

/** The permissions for an error that names none ("IAM permissions" in docs/registries/amazon-ecr.md). */
const ACTIONS = {
  read: ['BatchGetImage', 'GetDownloadUrlForLayer'],
  write: [
    'BatchCheckLayerAvailability',
    'InitiateLayerUpload',
    'UploadLayerPart',
    'CompleteLayerUpload',
    'PutImage',
  ],
  delete: ['BatchDeleteImage'],
} as const;

/** Returns the command that creates a repository of Amazon ECR, or `undefined` for another registry. */
export function createEcrRepository({ registry, path }: Repository): string | undefined {
  const host = parseEcrHost(registry);
  if (host === undefined) return undefined;
  return awsCommand(host, `create-repository --repository-name ${repositoryName(host, path)}`);
}

/** Returns the command that deletes an image of Amazon ECR, or `undefined` for another registry. */
export function deleteFromEcr({ registry, path }: Repository, selector: Selector): string | undefined {
  const host = parseEcrHost(registry);
  if (host === undefined) return undefined;
  const id = isDigest(selector) ? `imageDigest=${selector}` : `imageTag=${selector}`;
  return awsCommand(
    host,
    `batch-delete-image --repository-name ${repositoryName(host, path)} --image-ids ${id}`,
  );
}

/** In the public registry, the first part of a name is the alias of its owner. */
function repositoryName({ kind }: EcrHost, path: string): string {
  return kind === 'public' ? path.replace(/^[^/]*\//, '') : path;
}

/** Returns what to do if Amazon ECR rejects a login or its permissions, or `undefined` for another registry. */
export function deniedByEcrHint(
  { status, text }: { readonly status: number; readonly text: string },
  { repository, verb }: Operation,
): string | undefined {
  const { registry, path } = repository;
  const host = parseEcrHost(registry);
  if (host === undefined) return undefined;
  if (isExpiredAuthorization(text)) return `Log in again: ${logInToEcr(host, registry)}`;
  if (status === 401)
    return `Log in to AWS, or give the registry a login of its own: ${logInToEcr(host, registry)}`;
  const [, action] = /\bnot authorized to perform: ([\w-]+:\w+)/.exec(text) ?? [];
  const service = host.kind === 'public' ? 'ecr-public' : 'ecr';
  const needed =
    action === undefined
      ? `permissions ${ACTIONS[verb].map((name) => `${service}:${name}`).join(', ')}`
      : `permission ${action}`;
  // Reads of the public registry need no login, so the first push may be without one.
  const who = host.kind === 'public' ? 'Log in to AWS with an identity that has' : 'The AWS identity needs';
  return (
    `${who} the IAM ${needed} on ${path}; for a repository of another account, ` +
    'the policy of the repository must allow it too.'
  );
}

/**
 * Returns what to do if Amazon ECR limits the rate of requests, or `undefined` for a registry where a login may raise the
 * limit.
 */
export function throttledByEcrHint({ repository }: Operation): string | undefined {
  if (parseEcrHost(repository.registry)?.kind !== 'private') return undefined;
  return 'Try again later, or with fewer requests at once (--concurrency); the limits are those of the AWS account and region.';
}
