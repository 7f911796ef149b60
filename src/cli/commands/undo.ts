import type { Command } from './command.js';
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
  examples: ['undo app:1.2 --dry-run', 'undo app:1.2'],
  async run(args, { client, output, options }) {
    const dryRun = args['dry-run'];
    const done = await client.undo(args.list, { dryRun });
    if (options.json) output.json({ ...(dryRun === true && { dryRun }), ...done });
    else {
      for (const { reference, digest } of done.tags) {
        if (digest !== undefined) output.line(`${reference} ${digest}`);
      }
    }
  },
};
