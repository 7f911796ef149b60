import { parseAssembly } from '../../assemble/assembly-file.js';
import type { Assembly, AssemblyImage } from '../../assemble/assembly.js';
import { readDigestFolder } from '../../assemble/digest-folder.js';
import { assemblyOptions } from '../../client/assembly-options.js';
import type { CreateOptions } from '../../client/create.js';
import { ArgumentError } from '../../oci/errors.js';
import { formatImageLocation, parseImageLocation, withDigest } from '../../oci/image-location.js';
import { parsePlatformList } from '../../oci/required-platforms.js';
import { parseAnnotationTargets } from '../input/addressed-annotation.js';
import type { CommandContext, OptionValues } from './command.js';
import { parseDuration } from '../input/duration.js';
import { readTextInput } from '../input/input.js';
import type { OptionDeclarations } from '../global-options.js';

/** What `create` takes, but for what is about the push. */
export const CREATE_OPTIONS = {
  amend: {
    alias: 'a',
    type: 'boolean',
    describe: 'Add to the draft that is there, and refresh the sources it has already',
  },
  file: {
    alias: 'f',
    type: 'string',
    describe: 'An assembly file, or JSON with an index or descriptors; - for stdin',
  },
  from: { type: 'string', describe: 'Start from what is published under this name' },
  digests: {
    type: 'string',
    describe: 'A directory whose files are named by the digests of images; see --repository',
  },
  repository: { type: 'string', describe: "Where the images of --digests are; the list's own if not said" },
  platform: {
    type: 'string',
    array: true,
    describe: 'Keep only these platforms, which must be there; fills in {arch} in sources (a,b; repeat)',
  },
  attestations: {
    choices: ['keep', 'drop'],
    defaultDescription: 'keep',
    describe: 'What becomes of statements about images, such as provenance',
  },
  require: {
    type: 'string',
    array: true,
    describe: 'Fail with exit code 5 unless the list has an image for each platform (a,b; repeat)',
  },
  wait: { type: 'string', describe: 'Wait so long for sources that are not there yet (90s, 10m)' },
  replace: {
    type: 'boolean',
    describe: 'An image of the same platform gives way, with the statements about it',
  },
  format: {
    choices: ['auto', 'oci', 'docker'],
    defaultDescription: 'auto',
    describe: "Media type of the index; auto goes by the first image's",
  },
  annotation: {
    type: 'string',
    array: true,
    describe: 'Set [index:|manifest:|manifest[PLATFORM]:]KEY=VALUE (repeat)',
  },
  'annotations-from-labels': {
    type: 'boolean',
    describe: 'Make labels that all images share annotations of the index',
  },
  'layer-compression': {
    choices: ['gzip', 'none'],
    defaultDescription: 'gzip',
    describe: 'How layers are written that docker save left uncompressed',
  },
} as const satisfies OptionDeclarations;

/** The command line of `create` as far as it says what the draft is made of. */
export interface CreateArguments extends OptionValues<typeof CREATE_OPTIONS> {
  readonly list?: string | undefined;
  readonly sources: readonly string[];
}

/** What the client is asked to create. */
export interface CreateCall {
  readonly list: string;
  readonly sources: readonly (string | AssemblyImage)[];
  readonly options: CreateOptions;
}

/**
 * Makes one call of the words on the command line and of what is in the file and the folder that they name. What the
 * command line says goes before the file; its sources come after those of the file.
 *
 * @throws ArgumentError for the words, InvalidError for the file with all that is wrong with it
 */
export async function readCreateCall(
  args: CreateArguments,
  context: Pick<CommandContext, 'signal' | 'stdin'>,
): Promise<CreateCall> {
  // Read first, so that a mistake in the words costs nothing.
  const own = ownOptions(args);
  const assembly = args.file === undefined ? undefined : await readAssembly(args.file, context);
  const list = args.list ?? assembly?.target;
  if (list === undefined) throw namelessList(args.file);
  const said = assembly === undefined ? {} : assemblyOptions(assembly);
  return {
    list,
    sources: [...(assembly?.images ?? []), ...args.sources, ...(await digestSources(args))],
    options: {
      ...said,
      ...own,
      format: own.format ?? said.format,
      attestations: own.attestations ?? said.attestations,
      require: [...(said.require ?? []), ...(own.require ?? [])],
      annotations: { ...said.annotations, ...own.annotations },
    },
  };
}

function ownOptions(args: CreateArguments): CreateOptions {
  const { amend, from, replace, format, attestations } = args;
  const targets = parseAnnotationTargets(args.annotation ?? []);
  return {
    amend,
    from,
    replace,
    format,
    attestations,
    platforms: parsePlatformList(args.platform ?? []),
    require: parsePlatformList(args.require ?? []),
    wait: args.wait === undefined ? undefined : parseDuration(args.wait),
    annotations: targets.index,
    entryAnnotations: targets.manifests,
    annotationsFromLabels: args['annotations-from-labels'],
    layerCompression: args['layer-compression'],
  };
}

async function readAssembly(
  file: string,
  context: Pick<CommandContext, 'signal' | 'stdin'>,
): Promise<Assembly> {
  const { label, text } = await readTextInput(file, context);
  return parseAssembly(text, label);
}

/** Without a repository, a digest alone is one in the list's own. */
async function digestSources({ digests, repository }: CreateArguments): Promise<string[]> {
  if (digests === undefined) {
    if (repository === undefined) return [];
    throw new ArgumentError('--repository needs --digests', {
      hint: 'It says where the images are whose digests name the files of a folder.',
    });
  }
  const place = repository === undefined ? undefined : parseImageLocation(repository);
  const found = await readDigestFolder(digests);
  return found.map((digest) =>
    place === undefined ? digest : formatImageLocation(withDigest(place, digest)),
  );
}

function namelessList(file: string | undefined): ArgumentError {
  return file === undefined
    ? new ArgumentError('too few arguments for create', {
        hint: 'Name the list: multiarch create LIST [SOURCE...]. Only an assembly file (-f) can do that instead.',
      })
    : new ArgumentError(`${file} does not say which list to make of it`, {
        hint: `Name it: multiarch create LIST -f ${file}`,
      });
}
