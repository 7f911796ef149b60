import type { Command } from './command.js';
import { printingFailedTags } from '../output/failed-tags.js';
import type { OptionDeclarations, OptionValues } from '../flags.js';

const OPTIONS = {
  'dry-run': { type: 'boolean', describe: 'Only show what would change' },
} as const satisfies OptionDeclarations;

interface UndoArguments extends OptionValues<typeof OPTIONS> {
  readonly list: string;
}

/** `multiarch undo LIST` */
export const undo: Command<UndoArguments> = {
  positionals: {
    list: 'The pushed list, by the name of its draft',
  },
  options: OPTIONS,
  async run(args, context) {
    const { client, output, options } = context;
    const done = await printingFailedTags(context, () => client.undo(args.list, { dryRun: args['dry-run'] }));
    if (options.json) {
      output.json(done);
      return;
    }
    for (const { reference, digest } of done.tags) {
      if (digest !== undefined) output.line(`${reference} ${digest}`);
    }
  },
};
