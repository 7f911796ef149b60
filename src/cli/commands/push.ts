import type { PushOptions, PushResult } from '../../client/push.js';
import { parseDigest } from '../../oci/digest.js';
import { parsePlatformList } from '../../oci/required-platforms.js';
import type { PushPlan } from '../../publish/plan.js';
import type { Command, CommandContext, OptionValues } from './command.js';
import { planLines } from '../output/plan-lines.js';
import { openReports } from '../output/push-files.js';
import type { OptionDeclarations } from '../global-options.js';

/** What `push` takes, and `create --push` too. */
export const PUSH_OPTIONS = {
  tag: {
    alias: 't',
    type: 'string',
    array: true,
    describe: 'A further tag, or a reference elsewhere, moved after the own one; latest goes last (repeat)',
  },
  purge: { alias: 'p', type: 'boolean', describe: 'Delete the draft after the push' },
  'allow-duplicate-platforms': { type: 'boolean', describe: 'Publish two images of the same platform' },
  'expect-current': {
    type: 'string',
    describe: 'Refuse unless the own tag holds this DIGEST, or none; any for whatever it holds',
  },
  referrers: {
    type: 'boolean',
    describe: 'Also what refers to the images: signatures, SBOMs, attestations',
  },
  'allow-nondistributable': {
    type: 'boolean',
    describe: 'Also layers that are not for distribution (of Windows), where the source holds them',
  },
  'dry-run': { type: 'boolean', describe: 'Only show what would be done' },
  'digest-file': { type: 'string', describe: 'Write the digest into this file' },
  'metadata-file': { type: 'string', describe: 'Write names, digests and platforms as JSON into this file' },
  github: { type: 'boolean', describe: 'Set outputs and a summary of this GitHub Actions step' },
} as const satisfies OptionDeclarations;

const OPTIONS = {
  ...PUSH_OPTIONS,
  require: {
    type: 'string',
    array: true,
    describe: 'Platforms that must be there: OS/ARCH[/VARIANT] (a,b; repeat)',
  },
} as const satisfies OptionDeclarations;

type PushArguments = OptionValues<typeof PUSH_OPTIONS>;
/** What says how a publication is reported. */
type ReportArguments = Pick<PushArguments, 'dry-run' | 'digest-file' | 'metadata-file' | 'referrers'> &
  Partial<Pick<PushArguments, 'github'>>;

/** The two ways to go on where a push is asked for. */
export interface PushMethods {
  readonly plan: (options: PushOptions) => Promise<PushPlan>;
  readonly push: (options: PushOptions) => Promise<PushResult>;
}

/** `multiarch push LIST` */
export const push: Command<OptionValues<typeof OPTIONS> & { readonly list: string }> = {
  positionals: {
    list: { type: 'string', describe: 'The draft to publish, by the name it was created with' },
  },
  options: OPTIONS,
  async run(args, context) {
    const { client } = context;
    const required = parsePlatformList(args.require ?? []);
    await runPush(args, context, {
      plan: (options) => client.planPush(args.list, { ...options, require: required }),
      push: (options) => client.push(args.list, { ...options, require: required }),
    });
  },
};

/** Publishes a draft, or with `--dry-run` plans it, and reports it wherever the words of the command line say. */
export async function runPush(
  args: PushArguments,
  context: CommandContext,
  ways: PushMethods,
): Promise<void> {
  const options = pushOptions(args);
  await runReported(args, context, {
    plan: () => ways.plan(options),
    publish: () => ways.push(options),
    show: (result) => showPush(result, context),
  });
}

/** What is done about a publication, be it of a draft or a copy. */
interface ReportedWays<Result extends Pick<PushResult, 'report'>> {
  readonly plan: () => Promise<PushPlan>;
  readonly publish: () => Promise<Result>;
  /** Prints what was published. */
  readonly show: (result: Result) => void;
}

/** Publishes, or with `--dry-run` plans it, and reports it wherever the words of the command line say. */
export async function runReported<Result extends Pick<PushResult, 'report'>>(
  args: ReportArguments,
  context: CommandContext,
  { plan, publish, show }: ReportedWays<Result>,
): Promise<void> {
  const reports = await openReports(
    { digestFile: args['digest-file'], metadataFile: args['metadata-file'], github: args.github ?? false },
    context.env,
  );
  if (args['dry-run'] === true) {
    showPlan(await plan(), args, context);
    return;
  }
  const result = await publish();
  try {
    await reports.write(result.report);
  } finally {
    // Published it is, whatever became of the files.
    show(result);
  }
}

/** The words of a push for the client. */
function pushOptions(args: PushArguments): PushOptions {
  return {
    tags: args.tag,
    purge: args.purge,
    allowDuplicatePlatforms: args['allow-duplicate-platforms'],
    referrers: args.referrers,
    allowNondistributable: args['allow-nondistributable'],
    expectCurrent: expectedCurrent(args),
  };
}

/** @throws ArgumentError for what is neither a digest nor one of the two words */
export function expectedCurrent({
  'expect-current': expected,
}: Pick<PushArguments, 'expect-current'>): PushOptions['expectCurrent'] {
  return expected === undefined || expected === 'none' || expected === 'any'
    ? expected
    : parseDigest(expected);
}

/**
 * Prints what a push did as docker does: a line for each child that was moved, the digest of the index last. With
 * `--quiet` the digest alone.
 */
function showPush({ descriptor, pushed, tags }: PushResult, { output, options }: CommandContext): void {
  if (options.json) {
    output.json({ descriptor, pushed, tags });
    return;
  }
  for (const { repository, digest } of options.quiet ? [] : pushed) {
    output.line(`Pushed ref ${repository}@${digest} with digest: ${digest}`);
  }
  output.line(descriptor.digest);
}

/** Prints what would be done: the digest is the last line here too, and with `--quiet` the only one. */
function showPlan(plan: PushPlan, { referrers }: ReportArguments, { output, options }: CommandContext): void {
  if (referrers === true) output.warn('What refers to the images (--referrers) is not part of the plan');
  if (options.json) {
    output.json(plan);
    return;
  }
  for (const line of options.quiet ? [] : planLines(plan)) output.line(line);
  output.line(plan.digest);
}
