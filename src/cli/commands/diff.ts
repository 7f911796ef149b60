import type { Inspection } from '../../client/inspection.js';
import { diffIndexes, type Comparable } from '../../oci/diff-index.js';
import { documentDescriptor } from '../../oci/document.js';
import { ArgumentError, NotFoundError } from '../../oci/errors.js';
import { isExplicitRegistryName } from '../../oci/image-location.js';
import { parseDocument } from '../../oci/parse.js';
import type { Command, CommandContext } from './command.js';
import { WIDE_OPTION } from './wide-option.js';
import { EXIT } from '../exit-code.js';
import { isFileName, readInput } from '../input/input.js';
import { inspectedName, warnOfProblems } from '../output/draft-text.js';
import { widened } from '../output/terminal.js';
import { FROM_OPTIONS } from '../input/login-flags.js';
import { type OptionDeclarations, type OptionValues } from '../flags.js';
import { isJsonFormat, outputFormat } from '../output-format.js';

const OPTIONS = {
  format: outputFormat(['table', 'json'], 'table'),
  wide: WIDE_OPTION,
  published: { type: 'boolean', describe: 'Ignore drafts, and compare what is published' },
  ...FROM_OPTIONS,
} as const satisfies OptionDeclarations;

interface DiffArguments extends OptionValues<typeof OPTIONS> {
  readonly before: string;
  readonly after?: string | undefined;
}

/** The second side always exists. */
type Sides = readonly [before: Side, after: Side & { readonly content: Comparable }];

/** One of the two sides to compare. */
interface Side {
  readonly name: string;
  /** The name in full. Absent for a file and for standard input, and for what is not published yet. */
  readonly fullName?: string;
  /** Absent for what is not published yet. */
  readonly content: Comparable | undefined;
  /** Absent for a file and for standard input. */
  readonly state?: Inspection['state'];
}

/** `multiarch diff A [B]` */
export const diff: Command<DiffArguments> = {
  positionals: {
    a: 'A draft, an image or index in a registry or layout, a JSON file, or -',
    b: 'The other side; by default the draft A is compared with what is published',
  },
  options: OPTIONS,
  examples: ['diff app:1.2', 'diff app:1.1 app:1.2'],
  async names({ before, after }) {
    if (after === undefined) return { targets: [before], sources: [] };
    const [sources, targets] = await Promise.all([withoutFiles(before), withoutFiles(after)]);
    return { targets, sources };
  },
  async run(args, context) {
    const { output, options } = context;
    const isJson = isJsonFormat(args.format, options.json);
    if (args.wide === true && (isJson || options.json)) {
      throw new ArgumentError('--wide needs --format table');
    }
    const [before, after] = await openSides(args, context);
    const found = diffIndexes(before.content, after.content);
    if (isJson) {
      const sides = {
        before: found.before && { reference: before.fullName, state: before.state, ...found.before },
        after: { reference: after.fullName, state: after.state, ...found.after },
      };
      output.json({ ...found, ...sides });
    } else {
      const [{ diffTableLines }, { default: picocolors }] = await Promise.all([
        import('../output/diff-table.js'),
        import('picocolors'),
      ]);
      const names = { before: before.name, after: after.name };
      const screen = widened(output.screen, args.wide);
      output.lines(diffTableLines(found, names, picocolors.createColors(output.color), screen));
    }
    return found.same ? EXIT.done : EXIT.different;
  },
};

/** Returns the name, unless it is that of a file. */
async function withoutFiles(name: string): Promise<readonly string[]> {
  return name === '-' || (await isFileName(name)) ? [] : [name];
}

async function openSides(args: DiffArguments, context: CommandContext): Promise<Sides> {
  const { before, after } = args;
  if (before === '-' && after === '-')
    throw new ArgumentError('standard input can only be one of the two sides');
  if (after === undefined) return openDraftSides(args, context);
  return Promise.all([openSide(before, args, context), openSide(after, args, context)]);
}

/** What is published under a name, if anything, and the draft of the name. */
async function openDraftSides(
  { before: name, published }: DiffArguments,
  context: CommandContext,
): Promise<Sides> {
  const { client } = context;
  const otherSide = `Name the other side: multiarch diff ${name} OTHER.`;
  if (published === true || isExplicitRegistryName(name)) {
    const what = published === true ? '--published' : 'docker://';
    throw new ArgumentError(`${what} ignores drafts, so diff needs two names`, {
      hint: `${otherSide} Without ${what}, one name compares its draft with what is published.`,
    });
  }
  const draft = await client.inspect(name);
  if (draft.state !== 'draft') {
    throw new ArgumentError(`no draft ${name} to compare with its published version`, { hint: otherSide });
  }
  return [await publishedSide(draft.name, context), sideOf(draft, await draft.comparable(), context)];
}

async function publishedSide(name: string, context: CommandContext): Promise<Side> {
  try {
    const inspection = await context.client.inspect(name, { published: true });
    return sideOf(inspection, await inspection.comparable(), context);
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
    return { name: `${name} (not published yet)`, content: undefined };
  }
}

async function openSide(
  name: string,
  { published }: DiffArguments,
  context: CommandContext,
): Promise<Sides[1]> {
  if (name !== '-' && !(await isFileName(name))) {
    const inspection = await context.client.inspect(name, { published });
    return sideOf(inspection, await inspection.comparable(), context);
  }
  const { label, bytes } = await readInput(name, context);
  const document = parseDocument(bytes, { label });
  const content =
    document.kind === 'index'
      ? document
      : ({ kind: 'manifest', descriptor: documentDescriptor(document) } as const);
  return { name: label, content };
}

function sideOf(inspection: Inspection, content: Comparable, { output }: CommandContext): Sides[1] {
  warnOfProblems(inspection, output);
  const { name: fullName, state } = inspection;
  return { name: inspectedName(inspection), fullName, content, state };
}
