import { parseAssemblies } from '../../assemble/assembly-file.js';
import type { Assembly, AssemblyImage } from '../../assemble/assembly.js';
import { readDigestFolder } from '../../assemble/digest-folder.js';
import { isInlineDescriptor, parseInlineDescriptor } from '../../assemble/inline-descriptor.js';
import { variableNames } from '../../assemble/variables.js';
import { mergeAssemblies, type NamedAssembly } from '../../assemble/merge-assemblies.js';
import { assemblyOptions, type CreateOptions } from '../../client/create-options.js';
import { ArgumentError } from '../../oci/errors.js';
import {
  formatImageLocation,
  parseImageLocation,
  withDigest,
  type ImageLocation,
} from '../../oci/image-location.js';
import { parsePlatformList } from '../../oci/required-platforms.js';
import { parseAnnotationTargets } from '../input/addressed-annotation.js';
import { checkUsed, parseVariables } from '../input/variables.js';
import {
  metadataSources,
  metadataTags,
  metadataTarget,
  readMetadata,
  withMetadataAnnotations,
  type NamedMetadata,
} from '../input/build-metadata.js';
import { FROM_OPTIONS, registriesOf } from '../input/login-flags.js';
import type { CommandContext, NamedImages } from './command.js';
import { parseDuration } from '../input/duration.js';
import { readTextInput } from '../input/input.js';
import {
  commaSeparated,
  repeatable,
  type OptionDeclarations,
  type OptionValues,
  parseFlag,
} from '../flags.js';

/** The options of `create`, except for those of a push. */
export const CREATE_OPTIONS = {
  amend: {
    alias: 'a',
    type: 'boolean',
    describe: 'Add to the draft, and refresh its sources',
  },
  file: {
    alias: 'f',
    ...repeatable('Assembly file, or JSON of descriptors; or -', 'FILE'),
  },
  set: repeatable('Value of a variable in FILE', 'NAME=VALUE'),
  from: { type: 'string', value: 'REF', describe: 'Start from this published image or index' },
  digests: {
    type: 'string',
    value: 'DIR',
    describe: 'Directory of files named like the digests',
  },
  'from-metadata': repeatable('File of a build tool or directory; or -, or env', 'FILE'),
  repository: {
    type: 'string',
    value: 'REPO',
    describe: 'Repository of digests; by default that of LIST',
  },
  platform: commaSeparated('Keep these, which must exist; fills in {arch}'),
  attestations: {
    choices: ['keep', 'drop', 'from-referrers'],
    defaultDescription: 'keep',
    describe: 'Provenance, SBOM',
  },
  require: commaSeparated('Fail unless there is an image for each'),
  wait: { type: 'string', value: 'DURATION', describe: 'Wait at most this long for missing sources' },
  replace: {
    type: 'boolean',
    describe: 'Replace images of the same platform',
  },
  format: {
    choices: ['auto', 'oci', 'docker'],
    defaultDescription: 'auto',
    describe: 'Media types; as the first image',
  },
  annotation: repeatable('Prefix index:, manifest: or manifest[PLATFORM]:', 'KEY=VALUE'),
  'annotations-from-labels': {
    type: 'boolean',
    describe: 'Annotate the index with common labels',
  },
  'layer-compression': {
    choices: ['gzip', 'none'],
    defaultDescription: 'gzip',
    describe: 'For layers of docker save',
  },
} as const satisfies OptionDeclarations;

/** The arguments of `create` that define the draft. */
export interface CreateArguments extends OptionValues<typeof CREATE_OPTIONS> {
  readonly list?: string | undefined;
  readonly sources: readonly string[];
}

/** What reading the files of a call needs. */
type InputContext = Pick<CommandContext, 'signal' | 'stdin' | 'env'>;

/** The arguments of `Multiarch.create`. */
export interface CreateCall {
  readonly list: string;
  readonly sources: readonly (string | AssemblyImage)[];
  readonly options: CreateOptions;
}

/**
 * Combines the command line with the files and the digest folder that it names. The command line takes precedence over the
 * files; its sources come after those of the assembly files.
 * @returns one call, or one for each list of an assembly file with several
 * @throws ArgumentError for the command line and for contradictory files, InvalidError with all problems of a file
 */
export async function readCreateCalls(
  args: CreateArguments,
  context: InputContext,
): Promise<readonly [CreateCall, ...CreateCall[]]> {
  // Checked first, before anything is read.
  const given = givenOptions(args);
  const repository = givenRepository(args);
  const inputs = await readInputs(args, context);
  const [first, ...others] = inputs.lists;
  if (first === undefined) return [await singleCall(args, inputs, given, repository)];
  checkSeveral(args);
  const callOf = (list: NamedAssembly): CreateCall => listCall(list, given);
  return [callOf(first), ...others.map(callOf)];
}

/** The call for one of several lists. */
function listCall(list: NamedAssembly, given: CreateOptions): CreateCall {
  const { format, attestations, annotations } = given;
  const { target = '', ...assembly } = mergeAssemblies([list], { format, attestations, annotations });
  return { list: target, sources: assembly.images, options: withAssembly(given, assembly) };
}

/** Adds what files say to the options of the command line, which they contain already. */
function withAssembly(given: CreateOptions, assembly: Assembly): CreateOptions {
  const fromFiles = assemblyOptions(assembly);
  return {
    ...given,
    ...fromFiles,
    require: [...(fromFiles.require ?? []), ...(given.require ?? [])],
  };
}

/** The options that are for one list, also those of a push. */
const ONE_LIST = ['from', 'digests', 'repository', 'from-metadata', 'tag', 'expect-current', 'digest-file'];

/** @throws ArgumentError for arguments that cannot be those of several lists */
function checkSeveral(args: CreateArguments): void {
  const flag = ONE_LIST.find((name) => name in args);
  const given = flag === undefined ? args.list : `--${flag}`;
  if (given === undefined && args.file?.length === 1) return;
  throw new ArgumentError(
    given === undefined
      ? 'a file with several lists must be the only file'
      : `${given} cannot be used with a file that has several lists`,
    { hint: 'Write the tags and sources into the lists of the file.' },
  );
}

/** The call for one list. */
async function singleCall(
  args: CreateArguments,
  { assemblies: files, metadata }: Inputs,
  own: CreateOptions,
  repository: ImageLocation | undefined,
): Promise<CreateCall> {
  const given = withMetadataAnnotations(own, metadata);
  const { format, attestations, annotations } = given;
  const assembly = mergeAssemblies(files, { target: args.list, format, attestations, annotations });
  const { target = metadataTarget(metadata), tags } = assembly;
  if (target === undefined) throw missingName([...(args.file ?? []), ...(args['from-metadata'] ?? [])]);
  return {
    list: target,
    sources: [
      ...assembly.images,
      ...args.sources.map(sourceOf),
      ...metadataSources(metadata, target, repository),
      ...(await digestSources(args, repository)),
    ],
    options: withAssembly(given, { ...assembly, tags: [...tags, ...metadataTags(metadata, target)] }),
  };
}

/**
 * Returns the names of the images of a call. Without `--push`, only the sources are read, and `--username` is for them.
 * Standard input can be read only once, and is not.
 */
export async function readCreateNames(
  args: CreateArguments & OptionValues<typeof FROM_OPTIONS> & { readonly push?: boolean | undefined },
  context: InputContext,
): Promise<NamedImages> {
  const { list, from, repository, file = [], 'from-metadata': built = [] } = args;
  const usesInput = [...file, ...built].includes('-');
  const { lists, assemblies, metadata } = usesInput ? NOTHING_READ : await readInputs(args, context);
  const { target = metadataTarget(metadata), images } = mergeAssemblies(assemblies, { target: list });
  const listed = lists.map(({ assembly }) => assembly);
  const targets = [target, ...listed.map((each) => each.target)].filter((name) => name !== undefined);
  const sources = [
    ...[...images, ...listed.flatMap((each) => each.images)].map(({ source }) => source),
    ...metadataSources(metadata, target, undefined).map(({ source }) => source),
    ...args.sources.filter((name) => !isInlineDescriptor(name)),
    ...[from, repository].filter((name) => name !== undefined),
  ];
  const hasFrom = Object.keys(FROM_OPTIONS).some((name) => name in args);
  const readsSourcesOnly = args.push !== true && !hasFrom && registriesOf(sources).length > 0;
  return { targets: readsSourcesOnly ? [] : targets, sources };
}

function sourceOf(source: string): string | AssemblyImage {
  return isInlineDescriptor(source) ? parseInlineDescriptor(source) : source;
}

function givenOptions(args: CreateArguments): CreateOptions {
  const { amend, from, replace, format, attestations, wait } = args;
  if (from !== undefined) parseFlag('--from', () => parseImageLocation(from));
  const targets = parseFlag('--annotation', () => parseAnnotationTargets(args.annotation ?? []));
  return {
    amend,
    from,
    replace,
    format,
    attestations,
    platforms: parseFlag('--platform', () => parsePlatformList(args.platform ?? [])),
    require: parseFlag('--require', () => parsePlatformList(args.require ?? [])),
    wait: wait === undefined ? undefined : parseFlag('--wait', () => parseDuration(wait)),
    annotations: targets.index,
    entryAnnotations: targets.manifests,
    annotationsFromLabels: args['annotations-from-labels'],
    layerCompression: args['layer-compression'],
  };
}

/** What the files of a call say. */
interface Inputs {
  /** The lists of a file with several; empty without such a file. */
  readonly lists: readonly NamedAssembly[];
  readonly assemblies: readonly NamedAssembly[];
  readonly metadata: readonly NamedMetadata[];
}

const NOTHING_READ: Inputs = { lists: [], assemblies: [], metadata: [] };

/** What {@link readInputs} has read for the arguments of a call: a file can be a pipe, which is read only once. */
const inputs = new WeakMap<CreateArguments, Promise<Inputs>>();

function readInputs(args: CreateArguments, context: InputContext): Promise<Inputs> {
  const read = inputs.get(args) ?? readFiles(args, context);
  inputs.set(args, read);
  return read;
}

/** Reads the files one after the other, so that the first invalid one is reported. */
async function readFiles(args: CreateArguments, context: InputContext): Promise<Inputs> {
  const { file: files = [], 'from-metadata': built = [] } = args;
  if ([...files, ...built].filter((file) => file === '-').length > 1) {
    throw new ArgumentError('standard input can only be one of the files (-f -, --from-metadata -)');
  }
  const given = parseVariables(args.set);
  const lists: NamedAssembly[] = [];
  const assemblies: NamedAssembly[] = [];
  const used = new Set<string>();
  for (const file of files) {
    const { label, text } = await readTextInput(file, context);
    for (const name of variableNames(text)) used.add(name);
    const variables = { ...context.env, ...given };
    const read = await parseAssemblies(text, label, { variables });
    const named = read.map((assembly) => ({ name: label, assembly }));
    for (const each of named) (read.length === 1 ? assemblies : lists).push(each);
  }
  checkUsed(given, used);
  return { lists, assemblies, metadata: await readMetadata(built, context) };
}

/** The sources of `--digests`. Without `--repository`, they are digests in the repository of the list. */
async function digestSources(
  { digests }: CreateArguments,
  repository: ImageLocation | undefined,
): Promise<string[]> {
  if (digests === undefined) return [];
  const found = await readDigestFolder(digests);
  return found.map((digest) =>
    repository === undefined ? digest : formatImageLocation(withDigest(repository, digest)),
  );
}

/** @throws ArgumentError for `--repository` without a flag whose images it names the repository of */
function givenRepository(args: CreateArguments): ImageLocation | undefined {
  const { repository, digests, 'from-metadata': built } = args;
  if (repository === undefined) return undefined;
  if (digests !== undefined || built !== undefined) return parseImageLocation(repository);
  throw new ArgumentError('--repository needs --digests or --from-metadata', {
    hint: 'It names the repository of the images that these give by digest.',
  });
}

function missingName(files: readonly string[]): ArgumentError {
  if (files.length === 0) {
    return new ArgumentError('too few arguments for create', {
      hint: 'Name the list: multiarch create LIST [SOURCE...]. It is optional only if an assembly file (-f) names it.',
    });
  }
  return new ArgumentError(
    files.length === 1
      ? `${files[0]} does not name the list`
      : `none of the files ${files.join(', ')} names the list`,
    { hint: `Name it: multiarch create LIST ${files.map((file) => `-f ${file}`).join(' ')}` },
  );
}
