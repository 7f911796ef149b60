import type { PushOptions } from '../client/push.js';
import type { Publication } from '../publish/publish.js';
import type { Command, CommandContext, OptionDeclarations, OptionValues } from './command.js';

/** What `push` takes, and `create --push` too. */
export const PUSH_OPTIONS = {
  tag: {
    alias: 't',
    type: 'string',
    array: true,
    describe: 'A further tag, or a reference elsewhere, moved after the own one (repeat)',
  },
  purge: { alias: 'p', type: 'boolean', describe: 'Delete the draft after the push' },
  'allow-duplicate-platforms': { type: 'boolean', describe: 'Publish two images of the same platform' },
} as const satisfies OptionDeclarations;

type PushArguments = OptionValues<typeof PUSH_OPTIONS>;

/** `multiarch push LIST` */
export const push: Command<PushArguments & { readonly list: string }> = {
  positionals: {
    list: { type: 'string', describe: 'The draft to publish, by the name it was created with' },
  },
  options: PUSH_OPTIONS,
  async run(args, context) {
    reportPush(await context.client.push(args.list, pushSettings(args)), context);
  },
};

/** The words of a push for the client. */
export function pushSettings(args: PushArguments): PushOptions {
  return {
    tags: args.tag,
    purge: args.purge,
    allowDuplicatePlatforms: args['allow-duplicate-platforms'],
  };
}

/**
 * Prints what a push did as docker does: a line for each child that was moved, the digest of the index last. With
 * `--quiet` the digest alone.
 */
export function reportPush(publication: Publication, { output, options }: CommandContext): void {
  if (options.json) {
    output.json(publication);
    return;
  }
  for (const { repository, digest } of options.quiet ? [] : publication.pushed) {
    output.line(`Pushed ref ${repository}@${digest} with digest: ${digest}`);
  }
  output.line(publication.descriptor.digest);
}
