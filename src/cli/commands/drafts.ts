import { ArgumentError, InvalidError } from '../../oci/errors.js';
import { EXIT } from '../exit-code.js';
import type { OptionDeclarations, OptionValues } from '../flags.js';
import { damagedJson, draftJson, draftLine } from '../output/draft-text.js';
import type { Command } from './command.js';

const RM_OPTIONS = {
  all: { type: 'boolean', describe: 'Delete all drafts, including damaged ones' },
} as const satisfies OptionDeclarations;

/** `multiarch ls` */
export const ls: Command<unknown> = {
  positionals: {},
  options: {},
  async run(_args, { client, output, options }) {
    const { drafts, damaged } = await client.listDrafts();
    // A problem names the path.
    const problems = damaged.map(({ problem }) => problem);
    if (options.json) {
      const [message, ...details] = problems;
      const failure = message === undefined ? undefined : new InvalidError(message, { details });
      output.json({ drafts: drafts.map(draftJson), damaged: damaged.map(damagedJson) }, failure);
    } else {
      for (const draft of drafts) output.line(options.quiet ? draft.target : draftLine(draft));
    }
    for (const problem of problems) output.error(`error: ${problem}`);
    return damaged.length === 0 ? EXIT.done : EXIT.invalid;
  },
};

/** `multiarch remove LIST IMAGE...` */
export const remove: Command<{ readonly list: string; readonly images: readonly string[] }> = {
  positionals: {
    list: 'The draft',
    image: 'Images to remove with their attestations, by source, digest or platform',
  },
  options: {},
  examples: ['remove app:1.2 linux/arm64', 'remove app:1.2 app:1.2-arm64'],
  async run({ list, images }, { client, output, options }) {
    const { draft } = await client.removeEntries(list, images);
    if (options.json) output.json(draftJson(draft));
  },
};

/** `multiarch rm LIST...` */
export const rm: Command<OptionValues<typeof RM_OPTIONS> & { readonly lists: readonly string[] }> = {
  positionals: { list: 'The drafts to delete' },
  options: RM_OPTIONS,
  examples: ['rm app:1.2', 'rm --all'],
  async run({ lists, all = false }, { client, output, options }) {
    if (all === lists.length > 0) {
      throw new ArgumentError(all ? '--all and names of drafts exclude each other' : 'no draft named', {
        hint: 'Name the drafts to delete, or delete all with --all.',
      });
    }
    const removed = await (all ? client.deleteAllDrafts() : client.deleteDrafts(lists));
    if (options.json) output.json({ removed });
  },
};
