import { formatImageLocation, parseImageLocation } from '../../oci/image-location.js';
import { draftJson, warnOfProblems } from '../output/draft-text.js';
import { planJson, pushJson } from '../output/push-json.js';
import { openReports } from '../output/report-files.js';
import type { CommandContext } from './command.js';
import type { CreateCall } from './create-options.js';
import { NO_REFERRERS, printPlan, pushLines, pushOptions, type PushArguments } from './push.js';

interface ListsArguments extends PushArguments {
  readonly push?: boolean | undefined;
  readonly 'keep-draft'?: boolean | undefined;
}

/** Runs `create` for a file with several lists: creates the drafts of all or none, or publishes all or none. */
export async function createLists(
  calls: readonly CreateCall[],
  args: ListsArguments,
  context: CommandContext,
): Promise<void> {
  const { client, output, options } = context;
  if (args.push === true) {
    await pushLists(calls, args, context);
    return;
  }
  const created = await client.createLists(
    calls.map(({ list, sources, options: settings }) => ({ name: list, sources, options: settings })),
  );
  for (const state of created) warnOfProblems(state, output);
  if (options.json) output.json({ lists: created.map(({ draft }) => draftJson(draft)) });
  else for (const { draft } of created) output.line(`Created manifest list ${draft.target}`);
}

async function pushLists(
  calls: readonly CreateCall[],
  args: ListsArguments,
  context: CommandContext,
): Promise<void> {
  const { client, output, options } = context;
  const pushing = { ...pushOptions(args), keepDraft: args['keep-draft'] };
  const lists = calls.map(({ list, sources, options: settings }) => ({
    name: list,
    sources,
    options: { ...settings, ...pushing },
  }));
  const reports = await openReports(
    { digestFile: undefined, metadataFile: args['metadata-file'], github: args.github ?? false },
    context.env,
  );
  if (args['dry-run'] === true) {
    const plans = await client.planLists(lists);
    if (args.referrers === true) output.warn(NO_REFERRERS);
    if (options.json) {
      const planned = calls.flatMap(({ list }, position) => {
        const reference = formatImageLocation(parseImageLocation(list));
        const plan = plans[position];
        return plan === undefined ? [] : [{ reference, ...planJson(plan) }];
      });
      output.json({ lists: planned });
    } else for (const plan of plans) printPlan(plan, context);
    await reports.planned(plans);
    return;
  }
  const results = await client.createAndPushLists(lists);
  const [first, ...others] = results.map(({ publication }) => publication.report);
  try {
    if (first !== undefined) await reports.published(first, ...others);
  } finally {
    // They are published even if a file cannot be written.
    if (options.json) output.json({ lists: results.map(({ publication }) => pushJson(publication)) });
    else {
      for (const { publication } of results) {
        for (const line of pushLines(publication, context)) output.line(line);
      }
    }
  }
}
