import type { PushOptions, PushResult } from '../../client/push.js';
import { parseDigest } from '../../oci/digest.js';
import { parsePlatformList } from '../../oci/required-platforms.js';
import type { PushPlan } from '../../publish/plan.js';
import type { Command, CommandContext, OptionValues } from './command.js';
import { planLines } from '../output/plan-lines.js';
import { openReports } from '../output/report-files.js';
import type { OptionDeclarations } from '../flags.js';

/** The options of `push` and `create --push`. */
export const PUSH_OPTIONS = {
  tag: {
    alias: 't',
    type: 'string',
    array: true,
    describe: 'Further tag, or reference in another repository; latest moves last (repeatable)',
  },
  purge: { alias: 'p', type: 'boolean', describe: 'Delete the draft after the push' },
  'allow-duplicate-platforms': { type: 'boolean', describe: 'Allow several images of the same platform' },
  'expect-current': {
    type: 'string',
    describe: 'Fail unless the tag has this DIGEST; none: it must not exist; any: no check',
  },
  referrers: {
    type: 'boolean',
    describe: 'Include referrers: signatures, SBOMs, attestations',
  },
  'allow-nondistributable': {
    type: 'boolean',
    describe: 'Include non-distributable layers (Windows) if the source has them',
  },
  'dry-run': { type: 'boolean', describe: 'Only show what would change' },
  'digest-file': { type: 'string', describe: 'Write the digest to this file' },
  'metadata-file': { type: 'string', describe: 'Write names, digests and platforms as JSON to this file' },
  github: { type: 'boolean', describe: 'Write outputs and a summary of the GitHub Actions step' },
} as const satisfies OptionDeclarations;

const OPTIONS = {
  ...PUSH_OPTIONS,
  require: {
    type: 'string',
    array: true,
    describe: 'Fail with exit code 5 unless the list has an image for each platform (a,b; repeatable)',
  },
} as const satisfies OptionDeclarations;

type PushArguments = OptionValues<typeof PUSH_OPTIONS>;
/** The options for the report of a push or copy. */
type ReportArguments = Pick<PushArguments, 'dry-run' | 'digest-file' | 'metadata-file' | 'referrers'> &
  Partial<Pick<PushArguments, 'github'>>;

/** The two actions of a push: with and without `--dry-run`. */
export interface PushActions {
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

/** Publishes a draft, or plans it with `--dry-run`, and reports the result as the options ask. */
export async function runPush(
  args: PushArguments,
  context: CommandContext,
  actions: PushActions,
): Promise<void> {
  const options = pushOptions(args);
  await runReported(args, context, {
    plan: () => actions.plan(options),
    publish: () => actions.push(options),
    show: (result) => showPush(result, context),
  });
}

/** The actions of a publication, a push or a copy. */
interface PublishActions<Result extends Pick<PushResult, 'report'>> {
  readonly plan: () => Promise<PushPlan>;
  readonly publish: () => Promise<Result>;
  /** Prints the result. */
  readonly show: (result: Result) => void;
}

/** Publishes, or plans with `--dry-run`, and reports the result as the options ask. */
export async function runReported<Result extends Pick<PushResult, 'report'>>(
  args: ReportArguments,
  context: CommandContext,
  { plan, publish, show }: PublishActions<Result>,
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
    // It is published even if a file cannot be written.
    show(result);
  }
}

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

/** @throws ArgumentError for text that is neither a digest nor `none` or `any` */
export function expectedCurrent({
  'expect-current': expected,
}: Pick<PushArguments, 'expect-current'>): PushOptions['expectCurrent'] {
  return expected === undefined || expected === 'none' || expected === 'any'
    ? expected
    : parseDigest(expected);
}

/**
 * Prints the result of a push as docker does: a line for each pushed child, then the digest of the index. With `--quiet`
 * only the digest.
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

/** Prints a plan, then the digest. With `--quiet` only the digest. */
function showPlan(plan: PushPlan, { referrers }: ReportArguments, { output, options }: CommandContext): void {
  if (referrers === true) output.warn('the plan does not include referrers (--referrers)');
  if (options.json) {
    output.json(plan);
    return;
  }
  for (const line of options.quiet ? [] : planLines(plan)) output.line(line);
  output.line(plan.digest);
}
