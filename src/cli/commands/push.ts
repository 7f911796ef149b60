import type { PushOptions } from '../../client/push.js';
import type { PushResult } from '../../client/push-record.js';
import { ArgumentError } from '../../oci/errors.js';
import { parseDigest } from '../../oci/digest.js';
import { parseImageLocation } from '../../oci/image-location.js';
import { isRefName } from '../../oci/ref-name.js';
import { parsePlatformList } from '../../oci/required-platforms.js';
import type { PushPlan } from '../../publish/plan.js';
import type { Command, CommandContext } from './command.js';
import { planLines } from '../output/plan-lines.js';
import { planJson, pushJson } from '../output/push-json.js';
import { openReports } from '../output/report-files.js';
import {
  commaSeparated,
  repeatable,
  type OptionDeclarations,
  type OptionValues,
  parseFlag,
} from '../flags.js';

/** The options of `push` and `create --push`. */
export const PUSH_OPTIONS = {
  tag: { alias: 't', ...repeatable('Further tag or reference; latest moves last', 'TAG') },
  purge: { alias: 'p', type: 'boolean', describe: 'Delete the draft after the push' },
  'allow-duplicate-platforms': { type: 'boolean', describe: 'Allow several images of the same platform' },
  'expect-current': {
    type: 'string',
    value: 'DIGEST',
    describe: 'Digest that the tag must have; or none, any',
  },
  referrers: {
    type: 'boolean',
    describe: 'Include referrers, such as signatures',
  },
  'allow-nondistributable': {
    type: 'boolean',
    describe: 'Include non-distributable layers (Windows)',
  },
  'chunk-size': {
    type: 'string',
    value: 'SIZE',
    describe: 'Upload larger blobs in chunks of this size',
  },
  'dry-run': { type: 'boolean', describe: 'Only show what would change' },
  'digest-file': { type: 'string', value: 'FILE', describe: 'Write the digest to this file' },
  'metadata-file': {
    type: 'string',
    value: 'FILE',
    describe: 'Write names, digests and platforms as JSON',
  },
  github: { type: 'boolean', describe: 'Write outputs and summary of a GitHub step' },
} as const satisfies OptionDeclarations;

/** An option of podman and skopeo for what is always done here. */
export const ALL_OPTION = { type: 'boolean', describe: 'Include all images, as always' } as const;

/** @throws ArgumentError for `--all=false` */
export function checkAll(all: boolean | undefined): void {
  if (all !== false) return;
  throw new ArgumentError('--all=false is not supported: all images are always included', {
    hint: 'Select images with --platform of create or copy.',
  });
}

const OPTIONS = {
  ...PUSH_OPTIONS,
  rm: { type: 'boolean', describe: 'Same as --purge' },
  all: ALL_OPTION,
  require: commaSeparated('Fail unless there is an image for each'),
} as const satisfies OptionDeclarations;

export type PushArguments = OptionValues<typeof PUSH_OPTIONS>;
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
    list: 'The draft to publish, by the name it was created with',
  },
  options: OPTIONS,
  common: [
    'tag',
    'purge',
    'require',
    'expect-current',
    'referrers',
    'dry-run',
    'digest-file',
    'metadata-file',
  ],
  examples: ['push app:1.2', 'push app:1.2 --tag 1 --tag latest'],
  async run(args, context) {
    const { client } = context;
    checkAll(args.all);
    const required = parseFlag('--require', () => parsePlatformList(args.require ?? []));
    const purge = args.purge === true || args.rm === true;
    await runPush({ ...args, purge }, context, {
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
    lines: (result) => pushLines(result, context),
  });
}

/** Publishes, or plans with `--dry-run`, and reports the result as the options ask. */
export async function runReported(
  args: ReportArguments,
  context: CommandContext,
  actions: {
    readonly plan: () => Promise<PushPlan>;
    readonly publish: () => Promise<PushResult>;
    /** The result as lines. */
    readonly lines: (result: PushResult) => readonly string[];
  },
): Promise<void> {
  const reports = await openReports(
    { digestFile: args['digest-file'], metadataFile: args['metadata-file'], github: args.github ?? false },
    context.env,
  );
  if (args['dry-run'] === true) {
    const plan = await actions.plan();
    showPlan(plan, args, context);
    await reports.planned([plan]);
    return;
  }
  const result = await actions.publish();
  try {
    await reports.published(result.report);
  } finally {
    // It is published even if a file cannot be written.
    if (context.options.json) context.output.json(pushJson(result));
    else for (const line of actions.lines(result)) context.output.line(line);
  }
}

/** The options of a push. @throws ArgumentError */
export function pushOptions(args: PushArguments): PushOptions {
  return {
    ...publishOptions(args),
    purge: args.purge,
    allowDuplicatePlatforms: args['allow-duplicate-platforms'],
  };
}

/** The options that push and copy have in common. @throws ArgumentError for an invalid `--expect-current` or `--tag` */
export function publishOptions(
  args: Pick<PushArguments, 'tag' | 'referrers' | 'allow-nondistributable' | 'expect-current'>,
): Pick<PushOptions, 'tags' | 'referrers' | 'allowNondistributable' | 'expectCurrent'> {
  const expected = args['expect-current'];
  for (const tag of args.tag ?? []) {
    // A tag alone can be one of the target's repository.
    if (!isRefName(tag)) parseFlag('--tag', () => parseImageLocation(tag));
  }
  const isKeyword = expected === undefined || expected === 'none' || expected === 'any';
  return {
    tags: args.tag,
    referrers: args.referrers,
    allowNondistributable: args['allow-nondistributable'],
    expectCurrent: isKeyword ? expected : parseFlag('--expect-current', () => parseDigest(expected)),
  };
}

/**
 * Returns the result of a push as docker prints it: a line for each pushed child, then the digest of the index. With
 * `--quiet` only the digest.
 */
export function pushLines(
  { descriptor, pushed }: Pick<PushResult, 'descriptor' | 'pushed'>,
  { options }: Pick<CommandContext, 'options'>,
): string[] {
  const children = options.quiet ? [] : pushed;
  return [
    ...children.map(({ repository, digest }) => `Pushed ref ${repository}@${digest} with digest: ${digest}`),
    descriptor.digest,
  ];
}

/** The warning for a plan of a push with `--referrers`. */
export const NO_REFERRERS = 'the plan does not include referrers (--referrers)';

/** Prints a plan, then the digest. With `--quiet` only the digest. */
function showPlan(plan: PushPlan, { referrers }: ReportArguments, { output, options }: CommandContext): void {
  if (referrers === true) output.warn(NO_REFERRERS);
  if (options.json) {
    output.json(planJson(plan));
    return;
  }
  printPlan(plan, { output, options });
}

/** Prints the lines of a plan, then the digest. */
export function printPlan(
  plan: PushPlan,
  { output, options }: Pick<CommandContext, 'output' | 'options'>,
): void {
  for (const line of options.quiet ? [] : planLines(plan, output.screen)) output.line(line);
  output.line(plan.digest);
}
