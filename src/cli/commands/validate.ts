import { parseAssemblies } from '../../assemble/assembly-file.js';
import { variableNames, type Variables } from '../../assemble/variables.js';
import { REF_NAME } from '../../oci/descriptor.js';
import { digestOf, type Digest } from '../../oci/digest.js';
import { detectKind, DOCUMENT_KINDS, type DocumentKind } from '../../oci/document-kind.js';
import { InvalidError, type Problem } from '../../oci/errors.js';
import { readImageIndex, type ImageIndexJson } from '../../oci/image-index.js';
import { isJsonObject, parseJson } from '../../oci/json.js';
import { withoutNullMembers } from '../../oci/null-members.js';
import { parseDocument } from '../../oci/parse.js';
import { documentWarnings, validateDocument, validateForPublish } from '../../oci/validate.js';
import { repeatable, type OptionDeclarations, type OptionValues } from '../flags.js';
import { decodeText, readDocument, type DocumentInput } from '../input/input.js';
import { checkUsed, parseVariables } from '../input/variables.js';
import { problemLines } from '../output/error-text.js';
import { counted } from '../output/format.js';
import type { Command, CommandContext } from './command.js';

const OPTIONS = {
  as: { choices: DOCUMENT_KINDS, value: 'KIND', describe: 'Its kind; detected by default' },
  published: { type: 'boolean', describe: 'Ignore drafts, and check what is published' },
  set: repeatable('Value of a variable in an assembly file', 'NAME=VALUE'),
} as const satisfies OptionDeclarations;

interface ValidateArguments extends OptionValues<typeof OPTIONS> {
  readonly document: string;
}

/** `multiarch validate FILE|REF|-` */
export const validate: Command<ValidateArguments> = {
  positionals: {
    document: 'A file, an image or index in a registry or layout, a draft, or - for standard input',
  },
  options: OPTIONS,
  examples: ['validate index.json', 'validate release.yaml --as assembly', 'validate app:1.2'],
  run: checkAndPrint,
};

/** @throws InvalidError with the problems of an invalid document */
async function checkAndPrint(
  { document: name, as, published, set }: ValidateArguments,
  context: CommandContext,
): Promise<void> {
  const { output, options } = context;
  const { input, checked } = await readAndCheck().catch((error: unknown) => {
    if (options.json && error instanceof InvalidError && error.problems.length > 0)
      output.json({ document: name, valid: false, warnings: [] });
    throw error;
  });
  const { kind, digest, contents, problems, warnings } = checked;
  const valid = problems.length === 0;
  if (options.json) output.json({ document: name, state: input.state, valid, kind, digest, warnings });
  else for (const line of problemLines(warnings)) output.warn(line);
  if (!valid) throw checked.error ?? invalidDocument(input, kind, problems);
  const details = contents === undefined ? [digest] : [digest, contents];
  if (!options.json) output.line(`${input.label}: valid ${kind} (${details.join(', ')})`);

  async function readAndCheck(): Promise<{ input: DocumentInput; checked: CheckedDocument }> {
    const read = await readDocument(name, { published }, context);
    return { input: read, checked: await checkDocument(read, as, variablesOf(read, set, context)) };
  }
}

function invalidDocument(
  { label }: DocumentInput,
  kind: DocumentKind,
  problems: readonly Problem[],
): InvalidError {
  return new InvalidError(`${label} is not a valid ${kind}: ${counted(problems.length, 'problem')}`, {
    problems,
  });
}

/** Returns the values of the variables in an assembly file. @throws ArgumentError for `--set` of a variable that it lacks */
function variablesOf(
  { bytes }: DocumentInput,
  set: readonly string[] | undefined,
  { env }: CommandContext,
): Variables {
  const given = parseVariables(set);
  if (set !== undefined) checkUsed(given, variableNames(Buffer.from(bytes).toString('utf8')));
  return { ...env, ...given };
}

interface CheckedDocument {
  readonly kind: DocumentKind;
  readonly digest: Digest;
  /** The number of its children: `2 manifests`. */
  readonly contents: string | undefined;
  /** Empty if it is valid. */
  readonly problems: readonly Problem[];
  /** Problems of a valid document: those that prevent its publication, and those that some clients have with it. */
  readonly warnings: readonly Problem[];
  /** The error with the problems, if it is not the one of other kinds. */
  readonly error?: InvalidError;
}

/** The rule that a draft may break until it is published. */
const INCOMPLETE_PLATFORM = 'platform/incomplete';

const CHILDREN: Readonly<Partial<Record<DocumentKind, readonly [member: string, noun: string]>>> = {
  'image-index': ['manifests', 'manifest'],
  'docker-manifest-list': ['manifests', 'manifest'],
  'image-manifest': ['layers', 'layer'],
  draft: ['entries', 'entry'],
};

/**
 * Checks a document against its schema and the rules.
 * @param as the kind of the document; detected by default
 * @param variables the values of variables in an assembly file
 * @throws InvalidError with the problems of a document that is not JSON or of an unknown kind
 */
async function checkDocument(
  input: DocumentInput,
  as: DocumentKind | undefined,
  variables: Variables,
): Promise<CheckedDocument> {
  const { label, bytes, problems: known = [] } = input;
  if (as === 'assembly' || (as === undefined && isYamlAssembly(bytes)))
    return checkAssembly(input, variables);
  const value = parseJson(bytes, label);
  const kind = as ?? detectKind(value);
  if (kind === 'assembly' || (as === undefined && Array.isArray(value)))
    return checkAssembly(input, variables);
  if (kind === undefined) throw unknownKind({ label, bytes });
  const found = validateDocument(kind, value);
  const isProblem = ({ rule }: Problem): boolean => kind !== 'draft' || rule !== INCOMPLETE_PLATFORM;
  const problems = found.filter(isProblem);
  const warnings = [...found.filter((problem) => !isProblem(problem)), ...known];
  return {
    kind,
    digest: digestOf(bytes),
    contents: contentsOf(kind, value),
    problems,
    warnings:
      problems.length === 0
        ? [...warnings, ...documentWarnings(kind, value), ...publishProblems(kind, value)]
        : warnings,
  };
}

/** The top-level members of an assembly file or a manifest-tool spec in YAML. */
const YAML_MEMBER = /^(["']?)(?:target|images|image|lists|manifests)\1\s*:/m;

/** Reports whether a document without a kind is an assembly file in YAML rather than JSON. */
function isYamlAssembly(bytes: Uint8Array): boolean {
  const text = Buffer.from(bytes).toString('utf8');
  return !/^[\s\uFEFF]*[[{<]/.test(text) && YAML_MEMBER.test(text);
}

/** Checks what `create -f` accepts, in any of its forms, and gives the same error. */
async function checkAssembly(
  { label, bytes }: DocumentInput,
  variables: Variables,
): Promise<CheckedDocument> {
  const checked = { kind: 'assembly', digest: digestOf(bytes), warnings: [] } as const;
  try {
    const lists = await parseAssemblies(decodeText({ label, bytes }), label, { variables });
    const images = counted(lists.flatMap((list) => list.images).length, 'image');
    const contents = lists.length === 1 ? images : `${counted(lists.length, 'list')}, ${images}`;
    return { ...checked, contents, problems: [] };
  } catch (error) {
    if (!(error instanceof InvalidError) || error.problems.length === 0) throw error;
    return { ...checked, contents: undefined, problems: error.problems, error };
  }
}

/**
 * The problems that prevent the publication of an index. Skips the `index.json` of a layout: its entries need no
 * platform.
 */
function publishProblems(kind: DocumentKind, value: unknown): Problem[] {
  if (kind !== 'image-index' && kind !== 'docker-manifest-list') return [];
  const index = readImageIndex(withoutNullMembers(value) as ImageIndexJson);
  const isLayout = index.manifests.some(({ annotations }) => annotations?.[REF_NAME] !== undefined);
  return isLayout ? [] : validateForPublish(index);
}

function contentsOf(kind: DocumentKind, value: unknown): string | undefined {
  const [member, noun] = CHILDREN[kind] ?? [];
  const children = member !== undefined && isJsonObject(value) ? value[member] : undefined;
  return noun !== undefined && Array.isArray(children) ? counted(children.length, noun) : undefined;
}

/** The error for a document of an unknown kind: why it is not a manifest. */
function unknownKind({ label, bytes }: DocumentInput): unknown {
  try {
    parseDocument(bytes, { label });
    return new InvalidError(`${label} is not a known kind of document`);
  } catch (error) {
    if (!(error instanceof InvalidError)) return error;
    const hint = error.hint ?? 'Name the kind of the document with --as.';
    return new InvalidError(error.message, { hint, problems: error.problems });
  }
}
