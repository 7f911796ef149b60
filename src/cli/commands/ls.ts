import { EXIT } from '../exit-code.js';
import { draftJson, draftLine } from '../output/draft-text.js';
import type { Command } from './command.js';

/** `multiarch ls` */
export const ls: Command<unknown> = {
  positionals: {},
  options: {},
  async run(_args, { client, output, options }) {
    const { drafts, damaged } = await client.listDrafts();
    if (options.json) output.json(drafts.map(draftJson));
    else for (const draft of drafts) output.line(options.quiet ? draft.target : draftLine(draft));
    for (const { path, problem } of damaged) output.error(`${path}: ${problem}`);
    return damaged.length === 0 ? EXIT.done : EXIT.invalid;
  },
};
