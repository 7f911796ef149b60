import type { Inspection } from '../../client/inspection.js';
import type { Multiarch } from '../../client/multiarch.js';
import { diffIndexes } from '../../oci/diff-index.js';
import { ArgumentError, InvalidError } from '../../oci/errors.js';
import { parseJson } from '../../oci/json.js';
import { parsePlatform } from '../../oci/platform.js';
import { parsePlatformList } from '../../oci/required-platforms.js';
import { listFindings } from '../../oci/list-findings.js';
import { documentWarnings, formatProblem } from '../../oci/validate.js';
import type { Command } from './command.js';
import { inspectedName, problemJson, warnOfProblems } from '../output/draft-text.js';
import { indentJson } from '../output/indent-json.js';
import type { JsonMembers } from '../output/json-result.js';
import type { Output } from '../output/output.js';
import { widened } from '../output/terminal.js';
import { WIDE_OPTION } from './wide-option.js';
import { commaSeparated, type OptionDeclarations, type OptionValues, parseFlag } from '../flags.js';
import { isTemplate, outputFormat } from '../output-format.js';

const OPTIONS = {
  verbose: {
    alias: 'v',
    type: 'boolean',
    describe: 'Show descriptor and manifest of each image',
  },
  raw: { type: 'boolean', describe: 'Print the exact bytes' },
  config: { type: 'boolean', describe: 'Show the config of the image' },
  platform: { type: 'string', value: 'PLATFORM', describe: 'Show the image of an index for this platform' },
  require: commaSeparated('Fail unless there is an image for each'),
  published: { type: 'boolean', describe: 'Ignore drafts, and read what is published' },
  wide: WIDE_OPTION,
  against: { type: 'string', value: 'NAME', describe: 'With --format html: show what changed since NAME' },
  format: outputFormat(['json', 'table', 'tree', 'html', 'mermaid'], 'json'),
} as const satisfies OptionDeclarations;

interface InspectArguments extends OptionValues<typeof OPTIONS> {
  readonly names: readonly string[];
}

/** `multiarch inspect [LIST] IMAGE` */
export const inspect: Command<InspectArguments> = {
  positionals: {
    list: 'A draft, of which IMAGE is an image',
    image: 'A draft, or a published image or index; with LIST: a source, digest or platform of it',
  },
  options: OPTIONS,
  common: ['verbose', 'raw', 'config', 'platform', 'published', 'format'],
  examples: [
    'inspect app:1.2',
    'inspect app:1.2 --format tree',
    'inspect app:1.2 --platform linux/arm64 --config',
  ],
  names: ({ names, against }) => ({ targets: names, sources: against === undefined ? [] : [against] }),
  async run(args, { client, output, options }) {
    const format = checkFlags(args, options.json);
    const { inspection, isEntry } = await open(args, client, output);
    if (options.json) {
      output.json(await resultMembers(args, inspection, isEntry));
    } else if (args.raw === true) {
      output.bytes(args.config === true ? await inspection.config() : inspection.document.bytes);
    } else if (args.config === true) {
      output.document(indentJson(new TextDecoder().decode(await readConfig(inspection)), '\t'));
    } else if (args.verbose === true) {
      const { verboseText } = await import('../output/inspect-verbose.js');
      output.document(await verboseText(inspection, isEntry));
    } else if (format === 'json') {
      output.document(documentText(inspection));
    } else {
      const before = args.against === undefined ? undefined : await client.inspect(args.against, args);
      await show(format, { inspection, isEntry, before }, output, args.wide);
    }
  },
};

/** @throws ArgumentError for flags that exclude each other */
function checkFlags(
  { names, verbose, raw, config, wide, against, format: given = 'json' }: InspectArguments,
  json: boolean | undefined,
): string {
  // A template selects from what --json prints.
  const format: string = isTemplate(given) ? 'json' : given;
  if (names.length > 2) {
    throw new ArgumentError(`inspect takes one or two arguments, not ${names.length}`, {
      hint: 'Name an image or index, or a draft and one of its images.',
    });
  }
  const forms = [
    ...(verbose === true ? ['--verbose'] : []),
    // --raw and --config go together.
    ...(raw === true || config === true ? [raw === true ? '--raw' : '--config'] : []),
    ...(format === 'json' ? [] : [`--format ${format}`]),
    ...(json && (raw === true || format !== 'json') ? [isTemplate(given) ? 'a template' : '--json'] : []),
  ];
  if (forms.length > 1) throw new ArgumentError(`${forms.join(' and ')} exclude each other`);
  if (wide === true && format !== 'table' && format !== 'tree') {
    throw new ArgumentError('--wide needs --format table or --format tree');
  }
  if (against !== undefined && format !== 'html') throw new ArgumentError('--against needs --format html');
  return format;
}

/** The requested image or index, and whether it is an entry of an index. */
interface Opened {
  readonly inspection: Inspection;
  readonly isEntry: boolean;
}

async function open(
  { names: [name = '', image], platform, published, require = [] }: InspectArguments,
  client: Multiarch,
  output: Output,
): Promise<Opened> {
  // Parsed first, before any request.
  const wanted = platform === undefined ? undefined : parseFlag('--platform', () => parsePlatform(platform));
  const required = parseFlag('--require', () => parsePlatformList(require));
  const named = await (image === undefined
    ? client.inspect(name, { published })
    : client.inspectEntry(name, image, { published }));
  warnOfProblems(named, output);
  if (required.length > 0) {
    if (named.state === 'draft') {
      const what = image === undefined ? `the draft ${named.name}` : `an image of the draft ${name}`;
      output.warn(`--require checks ${what}, not what is published; --published checks that`);
    }
    await named.requirePlatforms(required);
    warnOfPlatforms(named, output);
  }
  const inspection = wanted === undefined ? named : await named.select(wanted);
  return { inspection, isEntry: image !== undefined || inspection !== named };
}

/** Warns of entries of a published index that not every client finds, although they satisfy a requirement. */
function warnOfPlatforms({ document, name, state }: Inspection, output: Output): void {
  if (document.kind !== 'index' || state === 'draft') return;
  const warnings = documentWarnings('image-index', document.value);
  for (const line of listFindings(warnings, ({ rule }) => rule, formatProblem))
    output.warn(`${name}: ${line}`);
}

/** The document as docker prints it: an image indented with tabs, an index with three spaces. */
function documentText({ document }: Inspection): string {
  const text = new TextDecoder().decode(document.bytes);
  // docker serialises an index anew, without trailing white space, but keeps that of an image.
  return document.kind === 'index' ? indentJson(text.trim(), '   ') : indentJson(text, '\t');
}

/** The members of the result for `--json`. */
async function resultMembers(
  { config, verbose }: InspectArguments,
  inspection: Inspection,
  isEntry: boolean,
): Promise<JsonMembers> {
  const { verboseMembers, documentJson } = await import('../output/inspect-verbose.js');
  const { name, state, descriptor, document, problems } = inspection;
  return {
    reference: name,
    state,
    descriptor,
    ...(config === true
      ? { config: documentJson(await readConfig(inspection)) }
      : verbose === true
        ? { images: await verboseMembers(inspection, isEntry) }
        : { document: documentJson(document.bytes) }),
    ...(problems.length > 0 && { problems: problems.map(problemJson) }),
  };
}

/** Reads the config of an image. @throws InvalidError if it is not JSON, which could not be indented */
async function readConfig(inspection: Inspection): Promise<Uint8Array> {
  const bytes = await inspection.config();
  try {
    parseJson(bytes, `the config of ${inspection.name}`);
    return bytes;
  } catch (error) {
    if (!(error instanceof InvalidError)) throw error;
    throw new InvalidError(error.message, {
      hint: 'Print it unchanged with --raw.',
      problems: error.problems,
    });
  }
}

async function show(
  format: string,
  { inspection, isEntry, before }: Opened & { readonly before: Inspection | undefined },
  output: Output,
  wide: boolean | undefined,
): Promise<void> {
  const warn = (message: string): void => output.warn(message);
  if (format === 'html') {
    const { inspectHtml } = await import('../output/inspect-html.js');
    const changes = before && {
      diff: diffIndexes(await before.comparable(), await inspection.comparable()),
      before: inspectedName(before),
    };
    output.lines((await inspectHtml(inspection, isEntry, { warn, changes })).split('\n'));
    return;
  }
  const tree = await import('../output/inspect-tree.js');
  if (format === 'mermaid') {
    const { mermaidLines } = await import('../output/mermaid-graph.js');
    output.lines(mermaidLines(await tree.inspectTree(inspection, isEntry, warn)));
    return;
  }
  const { createColors } = (await import('picocolors')).default;
  const options = {
    colors: createColors(output.color),
    screen: widened(output.screen, wide),
    warn,
    now: Date.now(),
  };
  const lines =
    format === 'table'
      ? (await import('../output/inspect-table.js')).inspectTableLines
      : tree.inspectTreeLines;
  output.lines(await lines(inspection, isEntry, options));
}
