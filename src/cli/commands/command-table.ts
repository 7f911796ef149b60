/**
 * The commands, one file each, and the table that loads them on demand.
 *
 * Offers command, command-table.
 * @module cli/commands
 */
import type { AnyCommand } from './command.js';

/** A command as the command line knows it before its code is loaded. */
export interface CommandEntry {
  readonly name: string;
  /** Its arguments as help shows them. */
  readonly synopsis: string;
  /** Its arguments as yargs takes them: `<ONE>` must be there, `[ONE]` may be, `..` is any number. */
  readonly positionals: string;
  readonly describe: string;
  /** Loads the command's own chunk; no other command's code is read. */
  readonly load: () => Promise<AnyCommand>;
}

export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'create',
    synopsis: 'LIST [SOURCE...] | -f FILE',
    // Only an assembly file can do without the list's name.
    positionals: '[LIST] [SOURCES..]',
    describe: 'Start a draft of a multi-arch image from images of one architecture each',
    load: async () => (await import('./create.js')).create,
  },
  {
    name: 'annotate',
    synopsis: 'LIST [IMAGE]',
    positionals: '<LIST> [IMAGE]',
    describe: 'Change the platform or annotations of an image in a draft, or of the index itself',
    load: async () => (await import('./annotate.js')).annotate,
  },
  {
    name: 'remove',
    synopsis: 'LIST IMAGE...',
    positionals: '<LIST> <IMAGES..>',
    describe: 'Take images out of a draft',
    load: async () => (await import('./remove.js')).remove,
  },
  {
    name: 'inspect',
    synopsis: '[LIST] IMAGE',
    positionals: '<NAMES..>',
    describe: 'Show a draft, or an image or index in a registry or layout',
    load: async () => (await import('./inspect.js')).inspect,
  },
  {
    name: 'push',
    synopsis: 'LIST',
    positionals: '<LIST>',
    describe: 'Publish a draft with all that it points to',
    load: async () => (await import('./push.js')).push,
  },
  {
    name: 'copy',
    synopsis: 'SOURCE TARGET',
    positionals: '<SOURCE> <TARGET>',
    describe: 'Copy an image or index with all that it points to, byte for byte',
    load: async () => (await import('./copy.js')).copy,
  },
  {
    name: 'undo',
    synopsis: 'LIST',
    positionals: '<LIST>',
    describe: 'Take the last push back: each tag stands again for what it stood for before',
    load: async () => (await import('./undo.js')).undo,
  },
  {
    name: 'rm',
    synopsis: 'LIST... | --all',
    positionals: '[LISTS..]',
    describe: 'Delete drafts; what is published stays',
    load: async () => (await import('./rm.js')).rm,
  },
  {
    name: 'ls',
    synopsis: '',
    positionals: '',
    describe: 'List the drafts',
    load: async () => (await import('./ls.js')).ls,
  },
  {
    name: 'diff',
    synopsis: 'A [B]',
    positionals: '<BEFORE> [AFTER]',
    describe: 'Compare two multi-arch images, or a draft with what is published',
    load: async () => (await import('./diff.js')).diff,
  },
  {
    name: 'validate',
    synopsis: 'FILE | REF | -',
    positionals: '<DOCUMENT>',
    describe: 'Check a document against its schema and the rules',
    load: async () => (await import('./validate.js')).validate,
  },
  {
    name: 'login',
    synopsis: 'HOST',
    positionals: '<HOST>',
    describe: 'Check a login at its registry and keep it where docker does',
    load: async () => (await import('./login.js')).login,
  },
  {
    name: 'logout',
    synopsis: 'HOST',
    positionals: '<HOST>',
    describe: 'Forget the login for a registry',
    load: async () => (await import('./logout.js')).logout,
  },
];
