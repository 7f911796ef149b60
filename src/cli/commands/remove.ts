import type { Command } from './command.js';
import { draftJson } from '../output/draft-json.js';

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
      // Keeps "[default: []]" out of the help; one must be given.
      default: undefined,
      describe: 'What to take out, by source, digest or platform; statements about an image go with it',
    },
  },
  options: {},
  async run({ list, images }, { client, output, options }) {
    const { draft } = await client.removeEntries(list, images);
    if (options.json) output.json(draftJson(draft));
  },
};
