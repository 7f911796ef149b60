import { DOCUMENT_KINDS } from '../../oci/document-kind.js';
import { InvalidError } from '../../oci/errors.js';
import { checkDocument, type CheckedDocument } from '../output/check-document.js';
import type { Command, CommandContext, OptionValues } from './command.js';
import { counted } from '../output/format.js';
import { readDocument, type DocumentInput } from '../input/input.js';
import { problemText } from '../output/error-text.js';
import { EXIT } from '../exit-code.js';
import type { OptionDeclarations } from '../global-options.js';

const OPTIONS = {
  as: { choices: DOCUMENT_KINDS, describe: 'What it is to be; else what it says it is' },
} as const satisfies OptionDeclarations;

interface ValidateArguments extends OptionValues<typeof OPTIONS> {
  readonly document: string;
}

/** `multiarch validate FILE|REF|-` */
export const validate: Command<ValidateArguments> = {
  positionals: {
    document: {
      type: 'string',
      describe: 'A file, an image or index in a registry or layout, a draft, or - for standard input',
    },
  },
  options: OPTIONS,
  run: (args, context) => (context.options.json ? runForScripts(args, context) : runForPeople(args, context)),
};

/** The answer is on stdout in both cases, so that a script has one place to look. */
async function runForScripts(
  { document: name, as }: ValidateArguments,
  context: CommandContext,
): Promise<number> {
  const { output } = context;
  try {
    const { kind, digest, problems, warnings } = checkDocument(await readDocument(name, context), as);
    const valid = problems.length === 0;
    output.json({ document: name, valid, kind, digest, problems, warnings });
    return valid ? EXIT.done : EXIT.invalid;
  } catch (error) {
    if (!(error instanceof InvalidError) || error.problems.length === 0) throw error;
    output.json({ document: name, valid: false, problems: error.problems, warnings: [] });
    return EXIT.invalid;
  }
}

async function runForPeople(
  { document: name, as }: ValidateArguments,
  context: CommandContext,
): Promise<void> {
  const { output } = context;
  const input = await readDocument(name, context);
  const checked = checkDocument(input, as);
  for (const warning of checked.warnings) output.warn(problemText(warning));
  if (checked.problems.length > 0) throw invalid(input, checked);
  const { kind, digest, contents } = checked;
  output.line(
    `${input.label}: valid ${kind} (${[digest, ...(contents === undefined ? [] : [contents])].join(', ')})`,
  );
}

function invalid({ label }: DocumentInput, { kind, problems }: CheckedDocument): InvalidError {
  return new InvalidError(`${label} is not a valid ${kind}: ${counted(problems.length, 'problem')}`, {
    problems,
  });
}
