import { ArgumentError } from '../../oci/errors.js';
import { TAG_ORDERS } from '../../oci/tag-order.js';
import { repeatable, type OptionDeclarations, type OptionValues, type ParsedArgv } from '../flags.js';
import { isJsonFormat, outputFormat } from '../output-format.js';
import type { Command } from './command.js';

const OPTIONS = {
  limit: repeatable('At most N tags; also limits such as requests=N', 'N'),
  sort: {
    choices: TAG_ORDERS,
    defaultDescription: 'none',
    describe: 'semver: the highest first',
  },
  format: outputFormat(['text', 'json'], 'text'),
} as const satisfies OptionDeclarations;

type TagsArguments = OptionValues<typeof OPTIONS> & {
  readonly repo: string;
  readonly most?: number | undefined;
};

/** `multiarch tags REPO` */
export const tags: Command<TagsArguments> = {
  positionals: { repo: 'A repository, an image layout or an archive, without a tag' },
  options: OPTIONS,
  examples: ['tags registry.example.com/app', 'tags registry.example.com/app --sort semver --limit 5'],
  arrange: splitLimits,
  async run({ repo, sort, most, format }, { client, output, options }) {
    const isJson = isJsonFormat(format, options.json);
    const found = await client.tags(repo, { sort, limit: most });
    if (isJson) output.json(found);
    else for (const tag of found.tags) output.line(tag);
  },
};

/** Separates `--limit N` from the limits that every command has. @throws ArgumentError for 0, and two different numbers */
function splitLimits(parsed: ParsedArgv): ParsedArgv {
  const { limit = [], ...others } = parsed.flags as TagsArguments;
  const numbers = new Set(limit.filter((text) => /^\d+$/.test(text)).map(Number));
  const [most] = numbers;
  if (numbers.size > 1) throw new ArgumentError('--limit is given twice, with different values');
  if (most !== undefined && !(most >= 1 && Number.isSafeInteger(most))) {
    throw new ArgumentError(`--limit takes a whole number of at least 1, not ${most}`);
  }
  const rest = limit.filter((text) => !/^\d+$/.test(text));
  const flags = { ...others, ...(rest.length > 0 && { limit: rest }), ...(most !== undefined && { most }) };
  return { ...parsed, flags };
}
