import type { Inspection } from '../../client/inspection.js';
import { diffIndexes, type Comparable } from '../../oci/diff-index.js';
import { documentDescriptor } from '../../oci/document.js';
import { ArgumentError } from '../../oci/errors.js';
import { parseDocument } from '../../oci/parse.js';
import type { Command, CommandContext } from './command.js';
import { EXIT } from '../exit-code.js';
import { isFileName, readInput } from '../input/input.js';
import type { OptionDeclarations, OptionValues } from '../flags.js';

const OPTIONS = {
  format: {
    choices: ['table', 'json'],
    defaultDescription: 'table',
    describe: 'Output format; --json sets json',
  },
} as const satisfies OptionDeclarations;

interface DiffArguments extends OptionValues<typeof OPTIONS> {
  readonly before: string;
  readonly after?: string | undefined;
}

/** One of the two sides to compare. */
interface Side {
  readonly name: string;
  readonly content: Comparable;
}

/** `multiarch diff A [B]` */
export const diff: Command<DiffArguments> = {
  positionals: {
    before: 'A draft, an image or index in a registry or layout, a JSON file, or - for stdin',
    after: 'The other side, as A; by default the draft A is compared with its published version',
  },
  options: OPTIONS,
  async run(args, context) {
    const { output, options } = context;
    if (args.format === 'table' && options.json) {
      throw new ArgumentError('--format table and --json exclude each other');
    }
    const [before, after] = await openSides(args, context);
    const found = diffIndexes(before.content, after.content);
    if (args.format === 'json' || options.json) output.json(found);
    else {
      const [{ diffTableLines }, { default: picocolors }] = await Promise.all([
        import('../output/diff-table.js'),
        import('picocolors'),
      ]);
      const names = { before: before.name, after: after.name };
      for (const line of diffTableLines(found, names, picocolors.createColors(output.color))) {
        output.line(line);
      }
    }
    return found.same ? EXIT.done : EXIT.different;
  },
};

async function openSides(
  { before, after }: DiffArguments,
  context: CommandContext,
): Promise<readonly [before: Side, after: Side]> {
  const { client } = context;
  if (before === '-' && after === '-')
    throw new ArgumentError('standard input can only be one of the two sides');
  if (after !== undefined) return Promise.all([openSide(before, context), openSide(after, context)]);
  const draft = await client.inspect(before);
  if (draft.origin !== 'draft') {
    throw new ArgumentError(`no draft ${before} to compare with its published version`, {
      hint: `Name the other side: multiarch diff ${before} OTHER.`,
    });
  }
  return [await sideOf(await client.inspectPublished(before)), await sideOf(draft)];
}

async function openSide(name: string, context: CommandContext): Promise<Side> {
  if (name !== '-' && !(await isFileName(name))) return sideOf(await context.client.inspect(name));
  const { label, bytes } = await readInput(name, context);
  const document = parseDocument(bytes, { label });
  const content =
    document.kind === 'index'
      ? document
      : ({ kind: 'manifest', descriptor: documentDescriptor(document) } as const);
  return { name: label, content };
}

async function sideOf(inspection: Inspection): Promise<Side> {
  const { name, origin } = inspection;
  return { name: origin === 'draft' ? `the draft ${name}` : name, content: await inspection.comparable() };
}
