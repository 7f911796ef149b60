import { isExpiredAuthorization } from '../../auth/requests/expired-authorization.js';
import { isDigest, type Digest } from '../../oci/digest.js';
import { formatRepository } from '../../oci/reference.js';
import type { Operation } from '../operation.js';
import { createEcrRepository, deniedByEcrHint } from './ecr-hints.js';
import type { ErrorBody } from './error-body.js';
import type { ErrorResponse } from './error-codes.js';

/** What to do about a manifest, blob or repository that is not there. `answer` is what the registry said. */
export function missingHint({ meaning }: ErrorResponse, attempt: Operation, answer: string): string {
  const { registry } = attempt.repository;
  const repository = formatRepository(attempt.repository);
  if (attempt.verb === 'write') {
    if (meaning !== 'no-repository') return `Check that the repository ${repository} exists.`;
    const command = createEcrRepository(attempt.repository);
    return command === undefined
      ? `Create the repository ${repository} first, or check its name.`
      : `Create the repository first: ${command}`;
  }
  if (meaning === 'no-repository')
    return `${registry} has no repository ${repository}: check the name. (${answer})`;
  if (meaning === 'missing' && attempt.what === 'manifest') {
    return `The repository ${repository} has no such tag or digest: check that it was pushed. (${answer})`;
  }
  return `Check the name, and that it was pushed. (${answer})`;
}

/** What to do about a login that is missing, has run out or is not enough. */
export function deniedHint({ response, body }: ErrorResponse, attempt: Operation): string {
  const { registry } = attempt.repository;
  const special = deniedByEcrHint({ status: response.status, words: body.words }, attempt);
  if (special !== undefined) return special;
  const login = `multiarch login ${registry}`;
  if (isExpiredAuthorization(body.words)) return `The login has expired; log in again: ${login}`;
  const right = attempt.verb === 'read' ? 'read from' : 'push to';
  const repository = formatRepository(attempt.repository);
  // Many registries hide a repository that does not exist behind a 401 or 403.
  const exists = attempt.verb === 'read' ? `that ${repository} exists and ` : '';
  return response.status === 401
    ? `Log in with "${login}"; where that is done, check ${exists}that the account may ${right} ${repository}.`
    : `Check ${exists}that the account may ${right} ${repository}; to use another account: ${login}`;
}

/** What to do about children that the registry misses. */
export function missingChildrenHint(body: ErrorBody, { leftBehind }: Operation): string {
  const digests = [...digestsIn(body)];
  // Distribution takes a layer that it does not hold only where it may be had from a URL that its settings allow: none, by default.
  return digests.length > 0 && digests.every((digest) => leftBehind?.has(digest) === true)
    ? 'These layers are not for distribution: they stay where their URLs say. The registry has to be told to allow those (in distribution: validation.manifests.urls.allow).'
    : 'Copy what it points to first.';
}

/** Which children the registry misses, where it says so. */
export function missingChildren(body: ErrorBody, attempt: Operation): string {
  const digests = digestsIn(body);
  const repository = formatRepository(attempt.repository);
  return digests.size === 0
    ? `something that it points to is not in ${repository}`
    : `it points to content that ${repository} does not hold: ${[...digests].join(', ')}`;
}

/** What may be wrong with a document that the registry refuses. */
export function invalidHint({ response, body }: ErrorResponse, attempt: Operation): string | undefined {
  if (attempt.verb !== 'write') return undefined;
  if (attempt.name.includes('@sha512:') && body.errors.some(({ code }) => code === 'DIGEST_INVALID')) {
    return 'Something on the way may change what is sent, or the registry does not take sha512: then have the image built with sha256.';
  }
  if (attempt.what !== 'manifest') return undefined;
  // What Amazon ECR says of a document that does not name its type, and the type is all that it lacks.
  if (/\binvalid JSON syntax\b/i.test(body.words)) {
    return 'The registry may want a "mediaType" in the document: have the image built with one, or --format docker.';
  }
  if (/\bdigest\b.*\bmatch/i.test(body.words)) {
    return 'What arrived is not what was sent: push again; something on the way may change requests.';
  }
  if (body.errors.some(({ code }) => code === 'TAG_INVALID')) {
    return 'The registry does not take this tag: check it, or publish under another one.';
  }
  const unsupported = body.errors.some(({ code }) => code === 'UNSUPPORTED');
  if (response.status === 415 || unsupported) {
    return 'The registry may not take this media type: try the other one (--format oci or --format docker).';
  }
  return `Check that all that it points to is in ${formatRepository(attempt.repository)}.`;
}

function digestsIn({ errors }: ErrorBody): ReadonlySet<Digest> {
  const texts = errors.map(({ message, detail }) => `${message} ${JSON.stringify(detail ?? '')}`);
  return new Set(texts.flatMap((text) => [...(text.match(DIGEST) ?? [])]).filter(isDigest));
}

const DIGEST = /\bsha(?:256:[0-9a-f]{64}|512:[0-9a-f]{128})\b/g;
