import { ArgumentError } from '../../oci/errors.js';
import type { Command, OptionValues } from './command.js';
import type { OptionDeclarations } from '../flags.js';

const OPTIONS = {
  all: { type: 'boolean', describe: 'Delete all drafts, including damaged ones' },
} as const satisfies OptionDeclarations;

interface RmArguments extends OptionValues<typeof OPTIONS> {
  readonly lists: readonly string[];
}

/** `multiarch rm LIST...` */
export const rm: Command<RmArguments> = {
  positionals: {
    lists: { type: 'string', array: true, defaultDescription: 'none', describe: 'The drafts to delete' },
  },
  options: OPTIONS,
  async run({ lists, all = false }, { client }) {
    if (all === lists.length > 0) {
      throw new ArgumentError(all ? '--all and names of drafts exclude each other' : 'no draft named', {
        hint: 'Name the drafts to delete, or delete all with --all.',
      });
    }
    await (all ? client.deleteAllDrafts() : client.deleteDrafts(lists));
  },
};
