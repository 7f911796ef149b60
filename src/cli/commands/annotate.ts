import type { PlatformField } from '../../drafts/annotate.js';
import { blocksPush } from '../../drafts/draft-problems.js';
import { ArgumentError } from '../../oci/errors.js';
import { hasTarget, parseAnnotationTargets } from '../input/addressed-annotation.js';
import type { Command } from './command.js';
import { draftJson, warnOfProblems } from '../output/draft-text.js';
import {
  commaSeparated,
  repeatable,
  type OptionDeclarations,
  type OptionValues,
  parseFlag,
} from '../flags.js';

const OPTIONS = {
  os: { type: 'string', value: 'OS', describe: 'Set the operating system' },
  arch: { type: 'string', value: 'ARCH', describe: 'Set the architecture' },
  'os-version': { type: 'string', value: 'VERSION', describe: 'Set the version of the operating system' },
  variant: { type: 'string', value: 'VARIANT', describe: 'Set the variant of the architecture' },
  'os-features': commaSeparated('Add features of the operating system', 'FEATURE'),
  annotation: repeatable('Without IMAGE also manifest[PLATFORM]:KEY=VALUE', 'KEY=VALUE'),
  unset: commaSeparated('Clear a platform field or an annotation', 'NAME'),
} as const satisfies OptionDeclarations;

interface AnnotateArguments extends OptionValues<typeof OPTIONS> {
  readonly list: string;
  readonly image?: string | undefined;
}

/** The names of platform fields in `--unset`. Other names are keys of annotations. */
const FIELDS: ReadonlyMap<string, PlatformField> = new Map([
  ['os', 'os'],
  ['arch', 'architecture'],
  ['os-version', 'os.version'],
  ['variant', 'variant'],
  ['os-features', 'os.features'],
]);

const PLATFORM_OPTIONS = ['os', 'arch', 'os-version', 'variant', 'os-features'] as const;

/** `multiarch annotate LIST [IMAGE]` */
export const annotate: Command<AnnotateArguments> = {
  positionals: {
    list: 'The draft',
    image: 'An image in the draft, by source, digest or platform; by default the index is annotated',
  },
  options: OPTIONS,
  examples: [
    'annotate app:1.2 linux/arm64 --variant v8',
    'annotate app:1.2 --annotation org.opencontainers.image.version=1.2',
  ],
  async run(args, { client, output, options }) {
    const unset = namesToUnset(args);
    const { index: annotations, manifests } = parseFlag('--annotation', () =>
      parseAnnotationTargets(args.annotation ?? []),
    );
    if (args.image !== undefined) checkTargets(args.annotation ?? [], args.image);
    const { draft, problems } =
      args.image === undefined
        ? await client.annotateIndex(args.list, {
            annotations,
            entryAnnotations: manifests,
            unsetAnnotations: indexKeys(args, unset),
          })
        : await client.annotate(args.list, args.image, {
            os: args.os,
            architecture: args.arch,
            'os.version': args['os-version'],
            variant: args.variant,
            'os.features': splitList(args['os-features']),
            annotations,
            unset: unset.flatMap((name) => FIELDS.get(name) ?? []),
            unsetAnnotations: unset.filter((name) => !FIELDS.has(name)),
          });
    const isPlatformSet = PLATFORM_OPTIONS.some((name) => args[name] !== undefined);
    const relevant = problems.filter(
      (problem) => problem.kind === 'format' || (isPlatformSet && !blocksPush(problem)),
    );
    warnOfProblems({ problems: relevant }, output);
    if (options.json) output.json(draftJson(draft));
  },
};

/**
 * The names of `--unset`, and `os-features` if that option is empty: the empty value of an option removes the field.
 * @throws ArgumentError for an empty `--unset`
 */
function namesToUnset(args: AnnotateArguments): readonly string[] {
  const names = splitList(args.unset);
  if (args.unset !== undefined && names.length === 0) {
    throw new ArgumentError('--unset is empty', {
      hint: 'Name a platform field, or the key of an annotation.',
    });
  }
  const features = args['os-features'];
  const isCleared = features !== undefined && splitList(features).length === 0;
  return isCleared ? [...names, 'os-features'] : names;
}

/** @throws ArgumentError for an annotation with a target, since the image is the target */
function checkTargets(annotations: readonly string[], image: string): void {
  const targeted = annotations.find(hasTarget);
  if (targeted === undefined) return;
  throw new ArgumentError(`--annotation ${targeted} names a target, and so does ${image}`, {
    hint: `Write KEY=VALUE to annotate ${image}, or omit the image.`,
  });
}

/** The keys to unset on the index. @throws ArgumentError for platform fields, which an index does not have */
function indexKeys(args: AnnotateArguments, unset: readonly string[]): readonly string[] {
  const given = PLATFORM_OPTIONS.filter((name) => args[name] !== undefined);
  const wrong = [
    ...given.map((name) => `--${name}`),
    ...unset.filter((name) => FIELDS.has(name)).map((name) => `--unset ${name}`),
  ];
  if (wrong.length > 0) {
    throw new ArgumentError(`${wrong.join(', ')} needs an image: the index itself has no platform`, {
      hint: `Name the image: multiarch annotate ${args.list} IMAGE …`,
    });
  }
  return unset;
}

/** Splits the values of a repeatable option at commas. */
function splitList(values: readonly string[] = []): readonly string[] {
  return values.flatMap((value) => value.split(',')).filter((item) => item !== '');
}
