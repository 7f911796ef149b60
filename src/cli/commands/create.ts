import { ArgumentError } from '../../oci/errors.js';
import type { Command } from './command.js';
import { FROM_OPTIONS } from '../input/login-flags.js';
import {
  CREATE_OPTIONS,
  readCreateCalls,
  readCreateNames,
  type CreateArguments as DraftArguments,
} from './create-options.js';
import { createLists } from './create-lists.js';
import { draftJson, warnOfProblems } from '../output/draft-text.js';
import { ALL_OPTION, checkAll, PUSH_OPTIONS, runPush } from './push.js';
import { grouped, type OptionDeclarations, type OptionValues, type ParsedArgv } from '../flags.js';

const PUSH_GROUP = 'Push options, with --push';

const OPTIONS = {
  ...CREATE_OPTIONS,
  push: { type: 'boolean', describe: 'Publish the list as well' },
  all: ALL_OPTION,
  ...grouped(PUSH_OPTIONS, PUSH_GROUP),
  purge: { ...PUSH_OPTIONS.purge, group: PUSH_GROUP, describe: 'Has no effect: no draft is left' },
  'keep-draft': { type: 'boolean', group: PUSH_GROUP, describe: 'Keep the draft after the push' },
  ...FROM_OPTIONS,
} as const satisfies OptionDeclarations;

type CreateArguments = DraftArguments & OptionValues<typeof OPTIONS>;

/** `multiarch create LIST [SOURCE...]` */
export const create: Command<CreateArguments> = {
  positionals: {
    list: 'The multi-arch image: app:1.2, oci:DIR:TAG; optional if FILE names it',
    source: 'Images, or indexes with all their images: app:1.2-amd64, oci:DIR:TAG',
  },
  options: OPTIONS,
  common: ['amend', 'file', 'platform', 'require', 'annotation', 'push', 'tag', 'dry-run'],
  examples: [
    'create app:1.2 app:1.2-amd64 app:1.2-arm64',
    "create app:1.2 'app:1.2-{arch}' --platform linux/amd64,linux/arm64",
    'create -f release.yaml',
  ],
  arrange: fromBuildx,
  names: readCreateNames,
  async run(args, context) {
    const { client, output, options } = context;
    checkAll(args.all);
    if (args.push !== true) rejectPushOptions(args);
    const [call, ...others] = await readCreateCalls(args, context);
    if (others.length > 0) {
      await createLists([call, ...others], args, context);
      return;
    }
    const { list, sources, options: settings } = call;
    if (args.push === true) {
      const creating = { ...settings, keepDraft: args['keep-draft'] };
      await runPush(args, context, {
        plan: (pushing) => client.planCreateAndPush(list, sources, { ...creating, ...pushing }),
        push: async (pushing) =>
          (await client.createAndPush(list, sources, { ...creating, ...pushing })).publication,
      });
      return;
    }
    const { draft, problems } = await client.create(list, sources, settings);
    warnOfProblems({ problems }, output);
    if (options.json) output.json(draftJson(draft));
    else output.line(`Created manifest list ${draft.target}`);
  },
};

/**
 * Rewrites `create -t LIST [-t TAG] SOURCE...` of `docker buildx imagetools`, which publishes, to
 * `create LIST SOURCE... --push [-t TAG]`. It has no `--push`, its first `-t` precedes the sources, and its tags are
 * references, not tags of a list: a forgotten `--push` must not publish.
 */
function fromBuildx(parsed: ParsedArgv): ParsedArgv {
  const { flags, positionals, leading } = parsed;
  const { tag: tags, ...others } = flags;
  if (!Array.isArray(tags) || !leading.has('tag') || 'push' in flags || positionals.length === 0)
    return parsed;
  const [list = '', ...further] = tags.map(String);
  if (!/[/:]/.test(list)) return parsed;
  const tag = further.length > 0 ? { tag: further } : {};
  return { ...parsed, flags: { ...others, ...tag, push: true }, positionals: [list, ...positionals] };
}

/** @throws ArgumentError for options of push, which would have no effect */
function rejectPushOptions(args: CreateArguments): void {
  const given = [...Object.keys(PUSH_OPTIONS), 'keep-draft'].filter((name) => name in args);
  if (given.length > 0) {
    const buildx = given.includes('tag')
      ? ' To publish as with buildx, give -t REPOSITORY:TAG before the sources.'
      : '';
    throw new ArgumentError(`--${given.join(', --')} needs --push`, {
      hint: `Add --push, or give the option to multiarch push.${buildx}`,
    });
  }
}
