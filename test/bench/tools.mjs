import { fileURLToPath } from 'node:url';

const launcher = fileURLToPath(new URL('../../bin/multiarch.js', import.meta.url));

/**
 * What is to be done: an index made of sources and published.
 *
 * @typedef {object} Work
 * @property {string} list where the index is to be, such as `127.0.0.1:5000/app:list`
 * @property {readonly string[]} sources
 * @property {boolean} [attested] the sources are indexes with attestations
 *
 * @typedef {object} Tool
 * @property {string} name
 * @property {string} command which has to be on the PATH
 * @property {(work: Work) => readonly import('./run.mjs').CommandLine[] | undefined} commands `undefined` for what it cannot do
 */

/**
 * @param {readonly string[]} args
 * @returns {import('./run.mjs').CommandLine}
 */
export function multiarch(...args) {
  return [process.execPath, launcher, ...args];
}

/** @param {string} reference */
const hostOf = (reference) => reference.slice(0, reference.indexOf('/'));
/** @param {string} reference */
const repositoryOf = (reference) => reference.slice(0, reference.lastIndexOf(':'));
/** @param {string} reference */
const tagOf = (reference) => reference.slice(reference.lastIndexOf(':') + 1);

/** @type {readonly Tool[]} */
export const TOOLS = [
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
    commands: ({ list, sources, attested }) =>
      // It takes no source that is an index, and none of another registry.
      attested === true || sources.some((source) => hostOf(source) !== hostOf(list))
        ? undefined
        : [
            ['docker', 'manifest', 'create', '--insecure', list, ...sources],
            ['docker', 'manifest', 'push', '--insecure', list],
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
    commands: ({ list, sources, attested }) =>
      // One repository only; and of sources that are indexes it makes an index of indexes.
      attested === true || sources.some((source) => repositoryOf(source) !== repositoryOf(list))
        ? undefined
        : [['oras', 'manifest', 'index', 'create', '--plain-http', list, ...sources.map(tagOf)]],
  },
  {
    name: 'podman manifest create, add, push',
    command: 'podman',
    commands: ({ list, sources, attested }) => {
      const storage = ['--root', 'storage', '--runroot', 'run', '--storage-driver', 'vfs'];
      /** @param {readonly string[]} args @returns {import('./run.mjs').CommandLine} */
      const manifest = (...args) => ['podman', ...storage, '--events-backend', 'none', 'manifest', ...args];
      const all = attested === true ? ['--all'] : [];
      return [
        manifest('create', 'list'),
        ...sources.map((source) =>
          manifest('add', '--tls-verify=false', ...all, 'list', `docker://${source}`),
        ),
        manifest('push', '--tls-verify=false', '--all', 'list', `docker://${list}`),
      ];
    },
  },
];
