import { fileURLToPath } from 'node:url';

const launcher = fileURLToPath(new URL('../../bin/multiarch.js', import.meta.url));
const floor = fileURLToPath(new URL('floor-index.mjs', import.meta.url));

/** The name of the bare Node.js program in all results. */
export const FLOOR = 'floor: bare Node.js';

/**
 * What is to be done: an index made of sources and published, an index read, or an image copied.
 *
 * @typedef {object} Work
 * @property {string} list where the index or the copy is to be, or is read: `127.0.0.1:5000/app:list`
 * @property {readonly string[]} sources references
 * @property {string} specification the file for manifest-tool
 * @property {boolean} attested whether the sources are indexes with attestations
 *
 * @typedef {object} Tool
 * @property {string} name
 * @property {string} command which has to be on the PATH
 * @property {(work: Work) => readonly import('./run.mjs').CommandLine[] | undefined} commands `undefined` for what it does not
 *   support
 */

/**
 * @param {readonly string[]} args
 * @returns {import('./run.mjs').CommandLine}
 */
export function multiarch(...args) {
  return [process.execPath, launcher, ...args];
}

/** @param {string} reference */
export const hostOf = (reference) => reference.slice(0, reference.indexOf('/'));
/** @param {string} reference */
export const repositoryOf = (reference) => reference.slice(0, reference.lastIndexOf(':'));
/** @param {string} reference */
export const tagOf = (reference) => reference.slice(reference.lastIndexOf(':') + 1);

/** @type {(work: Work) => boolean} */
const isOneHost = ({ list, sources }) => sources.every((source) => hostOf(source) === hostOf(list));
/** @type {(work: Work) => boolean} */
const isOneRepository = ({ list, sources }) =>
  sources.every((source) => repositoryOf(source) === repositoryOf(list));

/** @type {(list: string, ...args: readonly string[]) => import('./run.mjs').CommandLine} */
export const regctl = (list, ...args) => ['regctl', '--host', `reg=${hostOf(list)},tls=disabled`, ...args];

const STORAGE = ['--root', 'storage', '--runroot', 'run', '--storage-driver', 'vfs'];

/** @type {(...args: readonly string[]) => import('./run.mjs').CommandLine} */
const podman = (...args) => ['podman', ...STORAGE, '--events-backend', 'none', 'manifest', ...args];

/** @type {readonly Tool[]} */
export const CREATE = [
  {
    name: FLOOR,
    command: 'node',
    commands: ({ list, sources }) => [[process.execPath, floor, 'create', list, ...sources]],
  },
  {
    name: 'multiarch create --push',
    command: 'node',
    commands: ({ list, sources }) => [multiarch('create', '--push', list, ...sources)],
  },
  {
    name: 'multiarch create, push',
    command: 'node',
    commands: ({ list, sources }) => [multiarch('create', list, ...sources), multiarch('push', list)],
  },
  {
    name: 'docker manifest create, push',
    command: 'docker',
    commands: (work) =>
      // It takes no source that is an index, and none of another registry.
      work.attested || !isOneHost(work)
        ? undefined
        : [
            ['docker', 'manifest', 'create', '--insecure', work.list, ...work.sources],
            ['docker', 'manifest', 'push', '--insecure', work.list],
          ],
  },
  {
    name: 'docker buildx imagetools create',
    command: 'docker-buildx',
    commands: ({ list, sources }) => [
      ['docker-buildx', 'imagetools', 'create', '--progress', 'none', '--tag', list, ...sources],
    ],
  },
  {
    name: 'crane index append',
    command: 'crane',
    commands: ({ list, sources }) => [
      ['crane', 'index', 'append', '--insecure', '-t', list, ...sources.flatMap((source) => ['-m', source])],
    ],
  },
  {
    name: 'oras manifest index create',
    command: 'oras',
    commands: (work) =>
      // One repository only; and of sources that are indexes it makes an index of indexes.
      work.attested || !isOneRepository(work)
        ? undefined
        : [['oras', 'manifest', 'index', 'create', '--plain-http', work.list, ...work.sources.map(tagOf)]],
  },
  {
    name: 'regctl index create',
    command: 'regctl',
    commands: ({ list, sources, attested }) =>
      // Of sources that are indexes it makes an index of indexes.
      attested
        ? undefined
        : [regctl(list, 'index', 'create', list, ...sources.flatMap((source) => ['--ref', source]))],
  },
  {
    name: 'manifest-tool push',
    command: 'manifest-tool',
    commands: (work) =>
      work.attested || !isOneHost(work)
        ? undefined
        : [['manifest-tool', '--plain-http', 'push', 'from-spec', work.specification]],
  },
  {
    name: 'podman manifest create, add, push',
    command: 'podman',
    commands: ({ list, sources, attested }) => [
      podman('create', 'list'),
      ...sources.map((source) =>
        podman('add', '--tls-verify=false', ...(attested ? ['--all'] : []), 'list', `docker://${source}`),
      ),
      podman('push', '--tls-verify=false', '--all', 'list', `docker://${list}`),
    ],
  },
];

/** All print the index. @type {readonly Tool[]} */
export const INSPECT = [
  { name: FLOOR, command: 'node', commands: ({ list }) => [[process.execPath, floor, 'inspect', list]] },
  { name: 'multiarch inspect', command: 'node', commands: ({ list }) => [multiarch('inspect', list)] },
  {
    name: 'docker manifest inspect',
    command: 'docker',
    commands: ({ list }) => [['docker', 'manifest', 'inspect', '--insecure', list]],
  },
  {
    name: 'docker buildx imagetools inspect',
    command: 'docker-buildx',
    commands: ({ list }) => [['docker-buildx', 'imagetools', 'inspect', '--raw', list]],
  },
  {
    name: 'crane manifest',
    command: 'crane',
    commands: ({ list }) => [['crane', 'manifest', '--insecure', list]],
  },
  {
    name: 'oras manifest fetch',
    command: 'oras',
    commands: ({ list }) => [['oras', 'manifest', 'fetch', '--plain-http', list]],
  },
  {
    name: 'regctl manifest get',
    command: 'regctl',
    commands: ({ list }) => [regctl(list, 'manifest', 'get', '--format', 'raw-body', list)],
  },
  {
    name: 'podman manifest inspect',
    command: 'podman',
    commands: ({ list }) => [podman('inspect', list)],
  },
  {
    name: 'skopeo inspect',
    command: 'skopeo',
    commands: ({ list }) => [['skopeo', 'inspect', '--raw', '--tls-verify=false', `docker://${list}`]],
  },
];

/** @type {readonly Tool[]} */
export const START = [
  { name: FLOOR, command: 'node', commands: () => [[process.execPath, '-e', '0']] },
  { name: 'multiarch --version', command: 'node', commands: () => [multiarch('--version')] },
  { name: 'multiarch create --help', command: 'node', commands: () => [multiarch('create', '--help')] },
  { name: 'multiarch ls', command: 'node', commands: () => [multiarch('ls')] },
  { name: 'docker manifest --help', command: 'docker', commands: () => [['docker', 'manifest', '--help']] },
  { name: 'docker buildx version', command: 'docker-buildx', commands: () => [['docker-buildx', 'version']] },
  { name: 'crane version', command: 'crane', commands: () => [['crane', 'version']] },
  { name: 'oras version', command: 'oras', commands: () => [['oras', 'version']] },
  { name: 'regctl version', command: 'regctl', commands: () => [['regctl', 'version']] },
  {
    name: 'manifest-tool --version',
    command: 'manifest-tool',
    commands: () => [['manifest-tool', '--version']],
  },
  { name: 'podman --version', command: 'podman', commands: () => [['podman', '--version']] },
  { name: 'skopeo --version', command: 'skopeo', commands: () => [['skopeo', '--version']] },
];

/** The peers, and how each prints its version. @type {Readonly<Record<string, import('./run.mjs').CommandLine>>} */
export const PEERS = {
  docker: ['docker', '--version'],
  'docker-buildx': ['docker-buildx', 'version'],
  crane: ['crane', 'version'],
  oras: ['oras', 'version'],
  regctl: ['regctl', 'version', '--format', '{{.VCSTag}}'],
  'manifest-tool': ['manifest-tool', '--version'],
  podman: ['podman', '--version'],
  skopeo: ['skopeo', '--version'],
};
