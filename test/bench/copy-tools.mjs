import { fileURLToPath } from 'node:url';

import { FLOOR, multiarch } from './tools.mjs';

const floor = fileURLToPath(new URL('floor.mjs', import.meta.url));

/**
 * Where an image is read: a reference, a directory with an OCI image layout and a tag, or a tar file of one.
 *
 * @typedef {object} From
 * @property {'registry' | 'layout' | 'archive'} kind
 * @property {string} place a reference without its tag, or a path
 * @property {string} tag
 *
 * @typedef {object} CopyTool
 * @property {string} name
 * @property {string} command which has to be on the PATH
 * @property {(from: From, to: string) => import('./run.mjs').CommandLine | undefined} copy `undefined` for what it cannot do;
 *   `to` is a reference with a tag
 */

const transports = { registry: 'docker://', layout: 'oci:', archive: 'oci-archive:' };

/** @type {(from: From) => string} */
const transported = ({ kind, place, tag }) => `${transports[kind]}${place}:${tag}`;

/** @type {readonly CopyTool[]} */
export const COPY_TOOLS = [
  {
    name: 'multiarch copy',
    command: 'node',
    copy: (from, to) => multiarch('copy', transported(from), to),
  },
  {
    name: 'multiarch create --push',
    command: 'node',
    copy: (from, to) => multiarch('create', '--push', to, transported(from)),
  },
  {
    name: FLOOR,
    command: 'node',
    copy: ({ kind, place, tag }, to) =>
      kind === 'registry' ? [process.execPath, floor, `${place}:${tag}`, to] : undefined,
  },
  {
    name: 'skopeo copy',
    command: 'skopeo',
    copy: (from, to) => [
      'skopeo',
      'copy',
      '--all',
      '--src-tls-verify=false',
      '--dest-tls-verify=false',
      '--insecure-policy',
      transported(from),
      `docker://${to}`,
    ],
  },
  {
    name: 'crane copy, push',
    command: 'crane',
    copy: ({ kind, place, tag }, to) => {
      // Its archives are those of `docker save` only.
      if (kind === 'archive') return undefined;
      if (kind === 'layout') return ['crane', 'push', '--insecure', place, to];
      return ['crane', 'copy', '--insecure', `${place}:${tag}`, to];
    },
  },
  {
    name: 'oras cp',
    command: 'oras',
    copy: ({ kind, place, tag }, to) => [
      'oras',
      'cp',
      '--no-tty',
      kind === 'registry' ? '--from-plain-http' : '--from-oci-layout',
      '--to-plain-http',
      `${place}:${tag}`,
      to,
    ],
  },
  {
    name: 'docker buildx imagetools create',
    command: 'docker-buildx',
    copy: ({ kind, place, tag }, to) =>
      kind === 'registry'
        ? ['docker-buildx', 'imagetools', 'create', '--progress', 'none', '--tag', to, `${place}:${tag}`]
        : undefined,
  },
];
