import { describe, expect, it } from 'vitest';

import { parseDigest } from '../../../src/oci/digest.js';
import type { ErrorKind, MultiarchError } from '../../../src/oci/errors.js';
import { parseReference, type Repository, type Tag } from '../../../src/oci/reference.js';
import { blobOperation, manifestOperation, type Operation } from '../../../src/registry/operation.js';
import { readErrorResponse, registryError } from '../../../src/registry/errors/error-mapping.js';
import { fakeResponse } from '../../support/fake-response.js';

const app = parseReference('123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app');
const gallery = parseReference('public.ecr.aws/a1b2c3d4/team/app');
const digest = parseDigest(`sha256:${'a'.repeat(64)}`);
const other = parseDigest(`sha256:${'b'.repeat(64)}`);
const named = "into repository with name 'team/app' in the registry with id '123456789012'";
const login = 'multiarch login --username AWS --password-stdin';

type Verb = Operation['verb'];
const manifest = (repository: Repository, verb: Verb): Operation =>
  manifestOperation(verb, repository, '1.2' as Tag);
const blob = (repository: Repository, verb: Verb): Operation => blobOperation(verb, repository, digest);

interface Answer {
  readonly status: number;
  readonly body: string;
}

function coded(status: number, code: string, message: string): Answer {
  return { status, body: JSON.stringify({ errors: [{ code, message }] }) };
}

async function errorFor(answer: Answer, attempt: Operation): Promise<MultiarchError> {
  const response = fakeResponse({ ...answer, url: `https://${attempt.repository.registry}/v2/app/x` });
  return registryError(await readErrorResponse(response, attempt), attempt);
}

describe('the errors of Amazon ECR', () => {
  it.each<[what: string, Answer, Operation, ErrorKind, says: RegExp, hint: RegExp]>([
    [
      'no repository',
      coded(404, 'NAME_UNKNOWN', "The repository with name 'team/app' does not exist in the registry"),
      blob(app, 'write'),
      'not-found',
      /does not exist/,
      /^Create the repository first: aws ecr create-repository --repository-name team\/app --region eu-west-1$/,
    ],
    [
      'no public repository, by its name without the alias',
      coded(404, 'NAME_UNKNOWN', "The repository with name 'team/app' does not exist"),
      blob(gallery, 'write'),
      'not-found',
      /does not exist/,
      /: aws ecr-public create-repository --repository-name team\/app --region us-east-1$/,
    ],
    [
      'no permission',
      coded(
        403,
        'DENIED',
        'User: arn:aws:iam::210987654321:user/ann is not authorized to perform: ecr:InitiateLayerUpload on resource: ' +
          'arn:aws:ecr:eu-west-1:123456789012:repository/team/app because no identity-based policy allows it',
      ),
      blob(app, 'write'),
      'unauthorized',
      /not authorized to perform/,
      /^The AWS identity needs the IAM permission ecr:InitiateLayerUpload on team\/app;/,
    ],
    [
      'no permission, and no word of which, on reading',
      coded(403, 'DENIED', 'Access denied'),
      manifest(app, 'read'),
      'unauthorized',
      /Access denied/,
      /IAM permissions ecr:BatchGetImage, ecr:GetDownloadUrlForLayer on team\/app/,
    ],
    [
      'no permission in the public registry, and no word of which, on writing',
      coded(403, 'DENIED', 'Not Authorized'),
      manifest(gallery, 'write'),
      'unauthorized',
      /Not Authorized/,
      /^Log in to AWS with an identity.*ecr-public:InitiateLayerUpload.* ecr-public:PutImage on a1b2c3d4\/team\/app/,
    ],
    [
      'a login that has expired',
      coded(403, 'DENIED', 'Your authorization token has expired. Reauthenticate and try again.'),
      manifest(app, 'read'),
      'unauthorized',
      /has expired/,
      new RegExp(`aws ecr get-login-password --region eu-west-1 \\| ${login} ${app.registry}$`),
    ],
    [
      'a login that has expired, in plain text and by 400',
      { status: 400, body: 'Your Authorization Token has expired' },
      manifest(gallery, 'read'),
      'unauthorized',
      /has expired/,
      new RegExp(`aws ecr-public get-login-password --region us-east-1 \\| ${login} public.ecr.aws$`),
    ],
    [
      'a login that is wrong',
      coded(400, 'DENIED', 'Your Authorization Token is invalid.'),
      manifest(app, 'read'),
      'unauthorized',
      /is invalid/,
      /^Log in again: aws ecr get-login-password/,
    ],
    [
      'no login',
      coded(401, 'UNAUTHORIZED', 'Not Authorized'),
      manifest(gallery, 'write'),
      'unauthorized',
      /401 Unauthorized/,
      /^Log in to AWS, or give the registry a login of its own: aws ecr-public/,
    ],
    [
      'an immutable tag',
      coded(
        400,
        'TAG_INVALID',
        "The image tag '1.2' already exists in the 'team/app' repository and is immutable",
      ),
      manifest(app, 'write'),
      'conflict',
      /already exists/,
      /publish under another tag/,
    ],
    [
      'images that are missing',
      coded(
        400,
        'MANIFEST_BLOB_UNKNOWN',
        `Images with digests '[${digest}, ${other}]' required for pushing image ${named} do not exist`,
      ),
      manifest(app, 'write'),
      'invalid',
      new RegExp(`missing from ${app.registry}/team/app: ${digest}, ${other} \\(`),
      /first/,
    ],
    [
      'layers that are missing',
      coded(
        404,
        'BLOB_UPLOAD_UNKNOWN',
        `Layers with digests '[${digest}]' required for pushing image ${named} do not exist`,
      ),
      manifest(app, 'write'),
      'invalid',
      new RegExp(`missing from ${app.registry}/team/app: ${digest} \\(`),
      /first/,
    ],
    [
      'a digest that does not match',
      coded(400, 'MANIFEST_INVALID', 'The digest of the manifest does not match the one that was given'),
      manifest(app, 'write'),
      'invalid',
      /does not match/,
      /push again/,
    ],
    [
      'a document without a media type',
      coded(405, 'UNSUPPORTED', 'Invalid JSON syntax'),
      manifest(app, 'write'),
      'invalid',
      /Invalid JSON syntax/,
      /"mediaType"/,
    ],
    [
      'too many requests',
      coded(429, 'TOOMANYREQUESTS', 'Rate exceeded'),
      blob(app, 'write'),
      'rate-limited',
      /Rate exceeded/,
      /--concurrency.*account and region/,
    ],
    [
      'too many requests, by a name of AWS',
      coded(400, 'ThrottleException', 'Rate exceeded'),
      blob(app, 'write'),
      'rate-limited',
      /Rate exceeded/,
      /--concurrency/,
    ],
    [
      'too many requests, in the words of the API',
      { status: 400, body: '{"__type":"ThrottlingException","message":"Rate exceeded"}' },
      manifest(app, 'read'),
      'rate-limited',
      /ThrottlingException/,
      /--concurrency/,
    ],
    [
      'too many requests by somebody who has not logged in',
      coded(429, 'TOOMANYREQUESTS', 'Data limit exceeded'),
      manifest(gallery, 'read'),
      'rate-limited',
      /Data limit exceeded/,
      /a login \(multiarch login public\.ecr\.aws\) may have a higher limit/,
    ],
  ])('%s', async (_what, response, operation, kind, message, hint) => {
    const error = await errorFor(response, operation);
    expect(error.kind).toBe(kind);
    expect(error.message).toMatch(message);
    expect(error.hint).toMatch(hint);
  });

  it('leaves the upload session that is gone what it is', async () => {
    const error = await errorFor(
      coded(404, 'BLOB_UPLOAD_UNKNOWN', 'blob upload unknown'),
      blob(app, 'write'),
    );
    expect(error.kind).toBe('not-found');
  });

  it('gives no hint about AWS for a host that only looks like it', async () => {
    const fake = parseReference('123456789012.dkr.ecr.eu-west-1.amazonaws.com.example.com/app');
    const { hint } = await errorFor(coded(404, 'NAME_UNKNOWN', 'unknown'), manifest(fake, 'write'));
    expect(hint).not.toContain('aws ecr');
  });
});
