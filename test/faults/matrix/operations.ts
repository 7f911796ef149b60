import { amd64, s390x } from '../../support/images.js';
import type { LoggedRequest } from '../../support/fake-server.js';
import { tinyIndex } from '../../support/tiny-image.mjs';

/** The layer that all commands copy; the only blob that `--chunk-size` divides. */
const LAYER = String(amd64.layers[0]?.digest);

/** A command that makes the requests of an operation, in a registry in the state that `startRelease` makes. */
export type CommandName = 'create' | 'chunks' | 'copy' | 'referrers';

/** What a command is given after the name of the registry is known. */
export const COMMANDS: Readonly<Record<CommandName, (host: string) => readonly string[]>> = {
  create: (host) => [
    'create',
    '--push',
    `${host}/app:1.0`,
    '-t',
    'latest',
    `${host}/build:amd64`,
    '--concurrency',
    '1',
  ],
  chunks: (host) => [...COMMANDS.create(host), '--chunk-size', '1024'],
  copy: (host) => ['copy', `${host}/build:all`, `${host}/app:1.0`, '-t', 'latest', '--concurrency', '1'],
  referrers: (host) => [...COMMANDS.copy(host), '--referrers'],
};

/** What the target's tags refer to before a command, and the index that `copy` copies. */
export const OLD_INDEX = tinyIndex([s390x]);
export const COPIED_INDEX = tinyIndex([amd64]);

/** The kinds of operations that a fault affects in the same way. */
export type Kind = 'token' | 'head' | 'read' | 'write';

/** One kind of request that commands make. */
export interface Operation {
  readonly title: string;
  readonly kind: Kind;
  readonly command: CommandName;
  readonly matches: (request: LoggedRequest) => boolean;
  /** Logs in with a refresh token instead of a password. @default false */
  readonly refreshToken?: boolean;
}

function request(method: string, path: string | RegExp): Operation['matches'] {
  return (logged) =>
    logged.method === method &&
    (typeof path === 'string' ? logged.path.startsWith(path) : path.test(logged.path));
}

const UPLOAD = /^\/v2\/app\/blobs\/uploads\/.+[?&]digest=(.*)$/;

export const OPERATIONS = {
  tokenGet: { title: 'token GET', kind: 'token', command: 'create', matches: request('GET', '/token') },
  tokenPost: {
    title: 'token POST',
    kind: 'token',
    command: 'create',
    matches: request('POST', '/token'),
    refreshToken: true,
  },
  manifestHead: {
    title: 'manifest HEAD, tag',
    kind: 'head',
    command: 'create',
    matches: request('HEAD', '/v2/app/manifests/1.0'),
  },
  manifestGetTag: {
    title: 'manifest GET, tag',
    kind: 'read',
    command: 'create',
    matches: request('GET', '/v2/build/manifests/amd64'),
  },
  manifestGetDigest: {
    title: 'manifest GET, digest',
    kind: 'read',
    command: 'copy',
    matches: request('GET', '/v2/build/manifests/sha256:'),
  },
  configGet: {
    title: 'config GET',
    kind: 'read',
    command: 'create',
    matches: request('GET', `/v2/build/blobs/${amd64.config.digest}`),
  },
  layerGet: {
    title: 'layer GET',
    kind: 'read',
    command: 'create',
    matches: request('GET', `/v2/build/blobs/${LAYER}`),
  },
  blobHead: {
    title: 'blob HEAD',
    kind: 'head',
    command: 'create',
    matches: request('HEAD', `/v2/app/blobs/${LAYER}`),
  },
  uploadPost: {
    title: 'upload POST',
    kind: 'write',
    command: 'create',
    matches: request('POST', '/v2/app/blobs/uploads/'),
  },
  uploadPatch: {
    title: 'upload PATCH',
    kind: 'write',
    command: 'chunks',
    matches: request('PATCH', '/v2/app/blobs/uploads/'),
  },
  uploadPut: {
    title: 'upload PUT',
    kind: 'write',
    command: 'create',
    matches: ({ method, path }) => method === 'PUT' && UPLOAD.exec(path)?.[1] === LAYER,
  },
  childPut: {
    title: 'child PUT',
    kind: 'write',
    command: 'create',
    matches: request('PUT', '/v2/app/manifests/sha256:'),
  },
  indexPut: {
    title: 'index PUT',
    kind: 'write',
    command: 'create',
    matches: request('PUT', '/v2/app/manifests/1.0'),
  },
  tagPut: {
    title: 'further tag PUT',
    kind: 'write',
    command: 'create',
    matches: request('PUT', '/v2/app/manifests/latest'),
  },
  referrersGet: {
    title: 'referrers GET',
    kind: 'read',
    command: 'referrers',
    matches: request('GET', '/v2/build/referrers/'),
  },
} as const satisfies Record<string, Operation>;

export type OperationName = keyof typeof OPERATIONS;
