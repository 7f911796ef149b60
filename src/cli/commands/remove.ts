import type { Command } from './command.js';
import { draftJson } from '../output/draft-text.js';

interface RemoveArguments {
  readonly list: string;
  readonly images: readonly string[];
}

/** `multiarch remove LIST IMAGE...` */
export const remove: Command<RemoveArguments> = {
  positionals: {
    list: { type: 'string', describe: 'The draft' },
    images: {
      type: 'string',
      array: true,
      // Hides "[default: []]" in the help.
      default: undefined,
      describe: 'Images to remove with their attestations, by source, digest or platform',
    },
  },
  options: {},
  async run({ list, images }, { client, output, options }) {
    const { draft } = await client.removeEntries(list, images);
    if (options.json) output.json(draftJson(draft));
  },
};
