/**
 * The commands, and the table that loads them on demand.
 *
 * Offers command, command-table.
 * @module cli/commands
 */
import type { AnyCommand } from './command.js';

/** The description of a command, available without loading its code. */
export interface CommandEntry {
  readonly name: string;
  /** Its arguments in the usage line. */
  readonly synopsis: string;
  /** Its positionals in the syntax of yargs: `<REQUIRED>`, `[OPTIONAL]`, `[ANY_NUMBER..]`. */
  readonly positionals: string;
  readonly describe: string;
  /** Loads the code of this command only. */
  readonly load: () => Promise<AnyCommand>;
}

export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'create',
    synopsis: 'LIST [SOURCE...] | -f FILE',
    // Optional: an assembly file may name the list.
    positionals: '[LIST] [SOURCES..]',
    describe: 'Create a draft of a multi-arch image from single-platform images',
    load: async () => (await import('./create.js')).create,
  },
  {
    name: 'annotate',
    synopsis: 'LIST [IMAGE]',
    positionals: '<LIST> [IMAGE]',
    describe: 'Change the platform or annotations of an image, or of the index',
    load: async () => (await import('./annotate.js')).annotate,
  },
  {
    name: 'remove',
    synopsis: 'LIST IMAGE...',
    positionals: '<LIST> <IMAGES..>',
    describe: 'Remove images from a draft',
    load: async () => (await import('./drafts.js')).remove,
  },
  {
    name: 'inspect',
    synopsis: '[LIST] IMAGE',
    positionals: '<NAMES..>',
    describe: 'Show a draft, or an image or index that is published',
    load: async () => (await import('./inspect.js')).inspect,
  },
  {
    name: 'push',
    synopsis: 'LIST',
    positionals: '<LIST>',
    describe: 'Publish a draft and all content that it references',
    load: async () => (await import('./push.js')).push,
  },
  {
    name: 'copy',
    synopsis: 'SOURCE TARGET',
    positionals: '<SOURCE> <TARGET>',
    describe: 'Copy an image or index with all its content, byte for byte',
    load: async () => (await import('./copy.js')).copy,
  },
  {
    name: 'undo',
    synopsis: 'LIST',
    positionals: '<LIST>',
    describe: 'Undo the last push: move each tag back to its previous digest',
    load: async () => (await import('./undo.js')).undo,
  },
  {
    name: 'rm',
    synopsis: 'LIST... | --all',
    positionals: '[LISTS..]',
    describe: 'Delete drafts, but nothing that is published',
    load: async () => (await import('./drafts.js')).rm,
  },
  {
    name: 'ls',
    synopsis: '',
    positionals: '',
    describe: 'List the drafts',
    load: async () => (await import('./drafts.js')).ls,
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
    synopsis: 'DOCUMENT',
    positionals: '<DOCUMENT>',
    describe: 'Check a document against its schema and the semantic rules',
    load: async () => (await import('./validate.js')).validate,
  },
  {
    name: 'digest',
    synopsis: 'REF',
    positionals: '<REF>',
    describe: 'Print the digest of a draft, or of a published image or index',
    load: async () => (await import('./digest.js')).digest,
  },
  {
    name: 'tags',
    synopsis: 'REPO',
    positionals: '<REPO>',
    describe: 'List the tags of a repository or image layout',
    load: async () => (await import('./tags.js')).tags,
  },
  {
    name: 'delete',
    synopsis: 'REF',
    positionals: '<REF>',
    describe: 'Delete a tag, or an image or index by its digest',
    load: async () => (await import('./delete.js')).deleteCommand,
  },
  {
    name: 'login',
    synopsis: '[HOST]',
    positionals: '[HOST]',
    describe: 'Check a login at a registry, and save it where docker does',
    load: async () => (await import('./login.js')).login,
  },
  {
    name: 'logout',
    synopsis: '[HOST]',
    positionals: '[HOST]',
    describe: 'Remove the saved login for a registry',
    load: async () => (await import('./login.js')).logout,
  },
  {
    name: 'cache',
    synopsis: '[clear]',
    positionals: '[ACTION]',
    describe: 'Show or clear what is kept of registries between runs',
    load: async () => (await import('./cache.js')).cache,
  },
  {
    name: 'completion',
    synopsis: 'SHELL',
    positionals: '<SHELL>',
    describe: 'Print a script that completes command lines in a shell',
    load: async () => (await import('./completion.js')).completion,
  },
  {
    name: 'config',
    synopsis: '[path]',
    positionals: '[ACTION]',
    describe: 'Show the values of options from variables and the configuration file',
    load: async () => (await import('./config.js')).config,
  },
  {
    name: 'plugin',
    synopsis: 'install|remove',
    positionals: '<ACTION>',
    describe: 'Install this program as the docker plugin docker multiarch, or remove it',
    load: async () => (await import('./plugin.js')).plugin,
  },
  {
    name: 'help',
    synopsis: '[COMMAND | TOPIC]',
    positionals: '[TOPIC]',
    describe: 'Show help on a command, or on a topic',
    load: async () => (await import('./help.js')).help,
  },
  {
    name: 'version',
    synopsis: '',
    positionals: '',
    describe: 'Show the versions of this program and of Node.js',
    load: async () => (await import('./version.js')).version,
  },
];

/** The usage line of a command, for help and hints. */
export function usageLine({ name, synopsis }: CommandEntry, program: string): string {
  return `Usage: ${program} ${name} ${synopsis}`.trim();
}
