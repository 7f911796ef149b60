import { registryApiHost } from '../../auth/credentials/docker-hub.js';
import { parseChallenges } from '../../auth/requests/challenge.js';
import { isExpiredAuthorization } from '../../auth/requests/expiry.js';
import type { ErrorText } from '../../http/error-text.js';
import type { HttpResponse } from '../../http/message.js';
import { isDigest, type Digest } from '../../oci/digest.js';
import { printable } from '../../oci/errors.js';
import { OTHER_SERVER_HINT } from '../../oci/json.js';
import { isIndexType } from '../../oci/media-type.js';
import { formatRepository } from '../../oci/reference.js';
import type { Operation } from '../operation.js';
import { bodyLimitHint } from './body-limit.js';
import { notDeletedHint } from './delete-hints.js';
import { createEcrRepository, deniedByEcrHint } from './ecr-hints.js';
import { isLostSession, type ErrorResponse } from './error-codes.js';

/** Returns what to do about a manifest, blob or repository that does not exist. @param response what the registry said */
export function notFoundHint({ errorClass }: ErrorResponse, operation: Operation, response: string): string {
  const { registry } = operation.repository;
  const repository = formatRepository(operation.repository);
  if (operation.verb === 'write') {
    if (errorClass !== 'repository-not-found') return `Check that the repository ${repository} exists.`;
    const command = createEcrRepository(operation.repository);
    return command === undefined
      ? `Create the repository ${repository} first, or check its name.`
      : `Create the repository first: ${command}`;
  }
  if (errorClass === 'repository-not-found')
    return `${registry} has no repository ${repository}: check the name. (${response})`;
  if (errorClass === 'not-found' && operation.what === 'manifest') {
    return `The repository ${repository} has no such tag or digest: check that it was pushed. (${response})`;
  }
  return `Check the name, and that it was pushed. (${response})`;
}

/**
 * Returns what to do if the response is not that of the registry, or is about an upload session, not about the name, the
 * login or the content; `undefined` if it may be about those.
 */
export function hintAboutSender(error: ErrorResponse, { repository, what }: Operation): string | undefined {
  const { response } = error;
  const { registry } = repository;
  const { status, url } = response;
  if (status < 400) return OTHER_SERVER_HINT;
  if (status >= 500 || status === 429) return undefined;
  const own = `${url.protocol}//${registryApiHost(registry)}`;
  if (URL.canParse(own) && new URL(own).host !== url.host) {
    return `The response is from ${url.host}, to which ${registry} redirects: check the storage settings of the registry.`;
  }
  return what === 'blob' && isLostSession(error)
    ? `${registry} does not know the upload session that it opened: if it runs on several servers, they need the same storage and the same secret.`
    : undefined;
}

/** Returns what to do about a registry that does not allow the method of a request (405). */
export function notAllowedHint({ response }: ErrorResponse, operation: Operation): string {
  if (operation.verb === 'delete') return notDeletedHint(response.status, operation);
  const { registry } = operation.repository;
  if (operation.verb === 'read') {
    return `Check the address ${registry}: a server that is not a registry, or a proxy in front of it, may have responded.`;
  }
  const readOnly = `${registry} may be read-only, or a cache of another registry: push to a registry that accepts writes.`;
  const artifact = artifactHint(operation);
  return artifact === undefined ? readOnly : `${artifact} Otherwise, ${readOnly}`;
}

/** Returns what to do about a write that exceeds the storage of an account or project. */
export function quotaHint({ repository }: Operation): string {
  return `The storage for ${formatRepository(repository)} is used up: delete images that are not needed, or ask the administrator of ${repository.registry} for more.`;
}

/** Returns what to do about a login that is missing, expired or not sufficient. */
export function deniedHint(error: ErrorResponse, operation: Operation): string {
  const { response, body } = error;
  const { registry } = operation.repository;
  if (error.errorClass === 'quota') return quotaHint(operation);
  const ecr = deniedByEcrHint({ status: response.status, text: body.text }, operation);
  if (ecr !== undefined) return ecr;
  const login = `multiarch login ${registry}`;
  if (isExpiredAuthorization(body.text)) return `The login has expired; log in again: ${login}`;
  const right = { read: 'read from', write: 'push to', delete: 'delete from' }[operation.verb];
  const repository = formatRepository(operation.repository);
  // Many registries hide a repository that does not exist behind a 401 or 403.
  const exists = operation.verb === 'read' ? `that ${repository} exists and ` : '';
  const check = `${exists}that the account may ${right} ${repository}`;
  const { isAnonymous = false } = response;
  const scope = isAnonymous ? undefined : missingScope(response, operation);
  if (scope !== undefined) {
    return `The token does not grant ${scope}, because the account lacks it: check ${check}; to use another account: ${login}`;
  }
  return response.status === 401 || isAnonymous
    ? `Log in with "${login}"; if you are logged in, check ${check}.`
    : `Check ${check}; to use another account: ${login}`;
}

/**
 * Returns the scope that the token of the request does not grant, if the token or the registry says so (RFC 6750, section
 * 3.1).
 */
function missingScope(response: HttpResponse, { repository, verb }: Operation): string | undefined {
  if (response.missingScope !== undefined) return response.missingScope;
  const challenges = parseChallenges(response.headerValues('www-authenticate'));
  const denied = challenges.find(({ parameters }) => parameters.get('error') === 'insufficient_scope');
  if (denied === undefined) return undefined;
  const scope = printable(denied.parameters.get('scope') ?? '');
  const actions = { read: 'pull', write: 'pull,push', delete: 'delete' }[verb];
  return scope === '' ? `repository:${repository.path}:${actions}` : scope;
}

/** Reports whether a registry rejects a document because of its non-distributable layers only. */
export function rejectsSkippedLayers({ body }: ErrorResponse, { skippedLayers }: Operation): boolean {
  const digests = [...digestsIn(body)];
  return digests.length > 0 && digests.every((digest) => skippedLayers?.has(digest) === true);
}

/** Returns what to do about children that the registry does not have. */
export function missingChildrenHint(error: ErrorResponse, operation: Operation): string {
  // Distribution accepts a layer that it does not have only with a URL that its settings allow: none, by default.
  return rejectsSkippedLayers(error, operation)
    ? 'These layers are non-distributable: they stay at their URLs. The registry must allow those (in distribution: validation.manifests.urls.allow).'
    : `Copy its ${lacksSubject(error, operation) ? 'subject' : 'children'} first.`;
}

/** Reports whether the subject is all that the registry does not have. Some registries require it to exist. */
function lacksSubject({ body }: Pick<ErrorResponse, 'body'>, { missing, subject }: Operation): boolean {
  const digests = missing ?? digestsIn(body);
  return subject !== undefined && digests.size === 1 && digests.has(subject);
}

/** Returns which children the registry does not have, if it says so. */
export function missingChildren(body: ErrorText, operation: Operation): string {
  const digests = operation.missing ?? digestsIn(body);
  const repository = formatRepository(operation.repository);
  if (lacksSubject({ body }, operation)) {
    return `its subject is missing from ${repository}: ${operation.subject ?? ''}`;
  }
  return digests.size === 0
    ? `a child of it is missing from ${repository}`
    : `children of it are missing from ${repository}: ${[...digests].join(', ')}`;
}

/** What to do about content that a registry did not store as it was sent. */
export const ALTERED_HINT =
  'The upload was altered in transit: push again. If it persists, a proxy may be altering requests.';

interface HintRow {
  readonly what?: Operation['what'];
  readonly code?: string;
  readonly status?: number;
  readonly text?: RegExp;
  readonly name?: RegExp;
  readonly hint: string | ((error: ErrorResponse, operation: Operation) => string);
}

/** What to do about a document or blob that the registry rejects. The first row applies whose conditions all hold. */
const INVALID_HINTS: readonly HintRow[] = [
  {
    code: 'DIGEST_INVALID',
    name: /@sha512:/,
    hint: 'A proxy may be altering the upload, or the registry does not support sha512; rebuild with sha256.',
  },
  {
    // Amazon ECR, for a document without a mediaType.
    what: 'manifest',
    text: /\binvalid JSON syntax\b/i,
    hint: 'The registry may require a "mediaType" in the document: rebuild the image with one, or make the index with `multiarch create --format docker`.',
  },
  {
    what: 'manifest',
    text: /\bdigest\b.*\bmatch/i,
    hint: ALTERED_HINT,
  },
  {
    what: 'manifest',
    code: 'TAG_INVALID',
    hint: 'The registry does not accept this tag: check it, or publish under another tag.',
  },
  { status: 413, hint: bodyLimitHint },
  ...[{ status: 415 }, { code: 'UNSUPPORTED' }].map((condition) => ({
    what: 'manifest' as const,
    ...condition,
    hint: (_error: ErrorResponse, operation: Operation) => mediaTypeHint(operation),
  })),
];

/** Returns what to do about a manifest or index whose media type the registry does not accept. */
function mediaTypeHint({ mediaType, repository }: Operation): string {
  const { registry } = repository;
  if (mediaType === undefined) {
    return `${registry} may not accept this media type: try the other one, with \`multiarch create --format oci\` or \`--format docker\`.`;
  }
  const rejected = `${registry} may not accept the media type ${mediaType}`;
  const isDocker = mediaType.startsWith('application/vnd.docker.');
  const [format, skopeoFormat] = isDocker ? ['oci', 'oci'] : ['docker', 'v2s2'];
  const setting = isDocker ? ' zot accepts Docker media types with "compat": ["docker2s2"] in "http".' : '';
  return isIndexType(mediaType)
    ? `${rejected}. An index of the other type can be made with: multiarch create --format ${format}.${setting}`
    : `${rejected}. Convert the image (skopeo copy --format ${skopeoFormat}), or build it with ${isDocker ? 'OCI' : 'Docker'} media types (oci-mediatypes=${String(isDocker)} in buildx).${setting}`;
}

/** Returns what to do about a document or blob that the registry rejects. */
export function invalidHint(error: ErrorResponse, operation: Operation): string | undefined {
  const { response, body } = error;
  if (operation.verb !== 'write') return undefined;
  const artifact = artifactHint(operation);
  if (artifact !== undefined) return artifact;
  const row = INVALID_HINTS.find(
    ({ what, code, status, text, name }) =>
      (what ?? operation.what) === operation.what &&
      (code === undefined || body.errors.some((detail) => detail.code === code)) &&
      (status ?? response.status) === response.status &&
      (text?.test(body.text) ?? true) &&
      (name?.test(operation.name) ?? true),
  );
  if (row !== undefined) return typeof row.hint === 'string' ? row.hint : row.hint(error, operation);
  return operation.what === 'manifest'
    ? `Check that all its children are in ${formatRepository(operation.repository)}.`
    : undefined;
}

/** Returns what to do about a registry that rejects an attestation or another artifact; `undefined` for an image. */
export function artifactHint({ verb, isArtifact }: Operation): string | undefined {
  if (verb !== 'write' || isArtifact !== true) return undefined;
  return 'The registry may not accept attestations and other artifacts: try --attestations drop, without --referrers.';
}

function digestsIn({ errors }: ErrorText): ReadonlySet<Digest> {
  const texts = errors.map(({ message, detail }) => `${message} ${JSON.stringify(detail ?? '')}`);
  return new Set(texts.flatMap((text) => [...(text.match(DIGEST) ?? [])]).filter(isDigest));
}

const DIGEST = /\bsha(?:256:[0-9a-f]{64}|512:[0-9a-f]{128})\b/g;
