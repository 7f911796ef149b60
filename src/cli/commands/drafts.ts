import type { DraftList } from '../../drafts/store.js';
import { ArgumentError, InvalidError } from '../../oci/errors.js';
import { EXIT } from '../exit-code.js';
import type { OptionDeclarations, OptionValues } from '../flags.js';
import { isJsonFormat, outputFormat } from '../output-format.js';
import { damagedJson, draftJson, draftLine, draftTableLines } from '../output/draft-text.js';
import type { Output } from '../output/output.js';
import { widened } from '../output/terminal.js';
import type { Command } from './command.js';
import { WIDE_OPTION } from './wide-option.js';

const RM_OPTIONS = {
  all: { type: 'boolean', describe: 'Delete all drafts, including damaged ones' },
} as const satisfies OptionDeclarations;

const LS_OPTIONS = {
  wide: WIDE_OPTION,
  format: outputFormat(['table', 'text', 'json']),
} as const satisfies OptionDeclarations;

/** `multiarch ls` */
export const ls: Command<OptionValues<typeof LS_OPTIONS>> = {
  positionals: {},
  options: LS_OPTIONS,
  async run({ wide, format }, { client, output, options }) {
    const isJson = isJsonFormat(format, options.json);
    const list = await client.listDrafts();
    const { drafts, damaged } = list;
    // A problem names the path.
    const problems = damaged.map(({ problem }) => problem);
    if (isJson) {
      const [message, ...details] = problems;
      const failure = message === undefined ? undefined : new InvalidError(message, { details });
      output.json({ drafts: drafts.map(draftJson), damaged: damaged.map(damagedJson) }, failure);
    } else if (options.quiet) {
      for (const { target } of drafts) output.line(target);
    } else if (format === 'table' || (format === undefined && output.screen.isTerminal)) {
      output.lines(await draftTable(list, output, wide));
    } else {
      // Scripts read one line for each draft.
      for (const draft of drafts) output.line(draftLine(draft));
    }
    for (const problem of problems) output.error(problem);
    return damaged.length === 0 ? EXIT.done : EXIT.invalid;
  },
};

async function draftTable(list: DraftList, output: Output, wide: boolean | undefined): Promise<string[]> {
  const { createColors } = (await import('picocolors')).default;
  const screen = widened(output.screen, wide);
  return draftTableLines(list, { screen, colors: createColors(output.color), now: Date.now() });
}

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
