import { ArgumentError } from '../oci/errors.js';
import { parseIndexAnnotations } from './annotation-option.js';
import type { Command, OptionDeclarations, OptionValues } from './command.js';
import { draftJson } from './draft-json.js';
import { PUSH_OPTIONS, pushSettings, reportPush } from './push.js';

const OPTIONS = {
  amend: {
    alias: 'a',
    type: 'boolean',
    describe: 'Add to the draft that is there, and refresh the sources it has already',
  },
  format: {
    choices: ['auto', 'oci', 'docker'],
    default: 'auto',
    describe: "Media type of the index; auto goes by the first image's",
  },
  annotation: { type: 'string', array: true, describe: 'Set KEY=VALUE of the index (repeat)' },
  push: { type: 'boolean', describe: 'Publish it in the same run; the options below are for that' },
  ...PUSH_OPTIONS,
} as const satisfies OptionDeclarations;

interface CreateArguments extends OptionValues<typeof OPTIONS> {
  readonly list: string;
  readonly sources: readonly string[];
}

/** `multiarch create LIST [SOURCE...]` */
export const create: Command<CreateArguments> = {
  positionals: {
    list: { type: 'string', describe: 'The multi-arch image to make: app:1.2, oci:DIR:TAG' },
    sources: {
      type: 'string',
      array: true,
      defaultDescription: 'none',
      describe: 'Images, or indexes that give all their images: app:1.2-amd64, oci:DIR[:TAG|@DIGEST]',
    },
  },
  options: OPTIONS,
  async run(args, context) {
    const { client, output, options } = context;
    const settings = {
      amend: args.amend ?? false,
      format: args.format,
      annotations: parseIndexAnnotations(args.annotation ?? []),
    };
    if (args.push === true) {
      const { publication } = await client.createAndPush(args.list, args.sources, {
        ...settings,
        ...pushSettings(args),
      });
      reportPush(publication, context);
      return;
    }
    refusePushOptions(args);
    const { draft, problems } = await client.create(args.list, args.sources, settings);
    for (const { message } of problems) output.warn(message);
    if (options.json) output.json(draftJson(draft));
    else output.line(`Created manifest list ${draft.target}`);
  },
};

/** Options of push would be forgotten without a word. */
function refusePushOptions(args: CreateArguments): void {
  const given = Object.keys(PUSH_OPTIONS).filter((name) => name in args);
  if (given.length > 0) {
    throw new ArgumentError(`--${given.join(', --')} needs --push`, {
      hint: 'Give it to multiarch push, or create with --push.',
    });
  }
}
