import { COPY_TOOLS } from './copy-tools.mjs';
import { CREATE, hostOf, INSPECT, regctl, repositoryOf, START, tagOf } from './tools.mjs';

/** @type {readonly import('./tools.mjs').Tool[]} */
const COPY = [
  ...COPY_TOOLS.map(({ name, command, copy }) => ({
    name,
    command,
    /** @param {import('./tools.mjs').Work} work */
    commands: ({ list, sources: [source = ''] }) => {
      const line = copy({ kind: 'registry', place: repositoryOf(source), tag: tagOf(source) }, list);
      return line === undefined ? undefined : [line];
    },
  })),
  {
    name: 'regctl image copy',
    command: 'regctl',
    commands: ({ list, sources: [source = ''] }) => [
      regctl(list, '--host', `reg=${hostOf(source)},tls=disabled`, 'image', 'copy', source, list),
    ],
  },
];

/** The tools by what a job does. */
export const TOOLS = { create: CREATE, inspect: INSPECT, copy: COPY, start: START };
