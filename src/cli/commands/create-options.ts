import { parseAssembly } from '../../assemble/assembly-file.js';
import type { AssemblyImage } from '../../assemble/assembly.js';
import { readDigestFolder } from '../../assemble/digest-folder.js';
import { isInlineDescriptor, parseInlineDescriptor } from '../../assemble/inline-descriptor.js';
import { mergeAssemblies, type NamedAssembly } from '../../assemble/merge-assemblies.js';
import { assemblyOptions, type CreateOptions } from '../../client/create-options.js';
import { ArgumentError } from '../../oci/errors.js';
import { formatImageLocation, parseImageLocation, withDigest } from '../../oci/image-location.js';
import { parsePlatformList } from '../../oci/required-platforms.js';
import { parseAnnotationTargets } from '../input/addressed-annotation.js';
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
  from: { type: 'string', value: 'REF', describe: 'Start from this published image or index' },
  digests: {
    type: 'string',
    value: 'DIR',
    describe: 'Directory of files named like the digests',
  },
  repository: {
    type: 'string',
    value: 'REPO',
    describe: 'Repository of --digests; by default that of LIST',
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

/** The arguments of `Multiarch.create`. */
export interface CreateCall {
  readonly list: string;
  readonly sources: readonly (string | AssemblyImage)[];
  readonly options: CreateOptions;
}

/**
 * Combines the command line with the assembly files and the digest folder that it names. The command line takes precedence
 * over the files; its sources come after those of the files.
 * @throws ArgumentError for the command line and for contradictory files, InvalidError with all problems of a file
 */
export async function readCreateCall(
  args: CreateArguments,
  context: Pick<CommandContext, 'signal' | 'stdin'>,
): Promise<CreateCall> {
  // Checked first, before anything is read.
  const given = givenOptions(args);
  const files = await readAssemblies(args, context);
  const { format, attestations, annotations } = given;
  const assembly = mergeAssemblies(files, { target: args.list, format, attestations, annotations });
  if (assembly.target === undefined) throw missingName(args.file ?? []);
  const fromFiles = assemblyOptions(assembly);
  return {
    list: assembly.target,
    sources: [...assembly.images, ...args.sources.map(sourceOf), ...(await digestSources(args))],
    options: {
      ...given,
      ...fromFiles,
      require: [...(fromFiles.require ?? []), ...(given.require ?? [])],
    },
  };
}

/**
 * Returns the names of the images of a call. Without `--push`, only the sources are read, and `--username` is for them.
 * Standard input can be read only once, and is not.
 */
export async function readCreateNames(
  args: CreateArguments & OptionValues<typeof FROM_OPTIONS> & { readonly push?: boolean | undefined },
  context: Pick<CommandContext, 'signal' | 'stdin'>,
): Promise<NamedImages> {
  const { list, from, repository, file = [] } = args;
  const files = file.includes('-') ? [] : await readAssemblies(args, context);
  const { target, images } = mergeAssemblies(files, { target: list });
  const sources = [
    ...images.map(({ source }) => source),
    ...args.sources.filter((name) => !isInlineDescriptor(name)),
    ...[from, repository].filter((name) => name !== undefined),
  ];
  const hasFrom = Object.keys(FROM_OPTIONS).some((name) => name in args);
  const readsSourcesOnly = args.push !== true && !hasFrom && registriesOf(sources).length > 0;
  return { targets: target === undefined || readsSourcesOnly ? [] : [target], sources };
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

/** What {@link readAssemblies} has read for the arguments of a call: a file can be a pipe, which is read only once. */
const assemblies = new WeakMap<CreateArguments, Promise<readonly NamedAssembly[]>>();

function readAssemblies(
  args: CreateArguments,
  context: Pick<CommandContext, 'signal' | 'stdin'>,
): Promise<readonly NamedAssembly[]> {
  const read = assemblies.get(args) ?? readFiles(args.file ?? [], context);
  assemblies.set(args, read);
  return read;
}

/** Reads the files one after the other, so that the first invalid one is reported. */
async function readFiles(
  files: readonly string[],
  context: Pick<CommandContext, 'signal' | 'stdin'>,
): Promise<NamedAssembly[]> {
  if (files.filter((file) => file === '-').length > 1) {
    throw new ArgumentError('standard input can only be one of the files (-f -)');
  }
  const read: NamedAssembly[] = [];
  for (const file of files) {
    const { label, text } = await readTextInput(file, context);
    read.push({ name: label, assembly: await parseAssembly(text, label) });
  }
  return read;
}

/** The sources of `--digests`. Without `--repository`, they are digests in the repository of the list. */
async function digestSources({ digests, repository }: CreateArguments): Promise<string[]> {
  if (digests === undefined) {
    if (repository === undefined) return [];
    throw new ArgumentError('--repository needs --digests', {
      hint: 'It names the repository of the images in the digest folder.',
    });
  }
  const location = repository === undefined ? undefined : parseImageLocation(repository);
  const found = await readDigestFolder(digests);
  return found.map((digest) =>
    location === undefined ? digest : formatImageLocation(withDigest(location, digest)),
  );
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
