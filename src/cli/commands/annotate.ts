import type { PlatformField } from '../../drafts/annotate.js';
import { ArgumentError } from '../../oci/errors.js';
import { isAddressed, parseAnnotationTargets } from '../input/addressed-annotation.js';
import type { Command, OptionValues } from './command.js';
import { draftJson } from '../output/draft-json.js';
import type { OptionDeclarations } from '../global-options.js';

const OPTIONS = {
  os: { type: 'string', describe: 'Set the operating system' },
  arch: { type: 'string', describe: 'Set the architecture' },
  'os-version': { type: 'string', describe: "Set the operating system's version" },
  variant: { type: 'string', describe: "Set the architecture's variant" },
  'os-features': {
    type: 'string',
    array: true,
    describe: 'Add features of the operating system (a,b; repeat)',
  },
  annotation: {
    type: 'string',
    array: true,
    describe: 'Set [index:|manifest:|manifest[PLATFORM]:]KEY=VALUE; with an image only KEY=VALUE (repeat)',
  },
  unset: {
    type: 'string',
    array: true,
    describe: 'Clear os-version, variant, … or the annotation of this key (a,b; repeat)',
  },
} as const satisfies OptionDeclarations;

interface AnnotateArguments extends OptionValues<typeof OPTIONS> {
  readonly list: string;
  readonly image?: string | undefined;
}

/** What `--unset` calls the fields of a platform; anything else is the key of an annotation. */
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
    list: { type: 'string', describe: 'The draft' },
    image: {
      type: 'string',
      describe: 'An image in it by source, digest or platform; without one, the index itself is annotated',
    },
  },
  options: OPTIONS,
  async run(args, { client, output, options }) {
    const unset = words(args.unset);
    const { index: annotations, manifests } = parseAnnotationTargets(args.annotation ?? []);
    if (args.image !== undefined) checkAddresses(args.annotation ?? [], args.image);
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
            'os.features': words(args['os-features']),
            annotations,
            unset: unset.flatMap((word) => FIELDS.get(word) ?? []),
            unsetAnnotations: unset.filter((word) => !FIELDS.has(word)),
          });
    for (const { kind, message } of problems) if (kind === 'format') output.warn(message);
    if (options.json) output.json(draftJson(draft));
  },
};

/** An image that is named is what the annotations are about. */
function checkAddresses(annotations: readonly string[], image: string): void {
  const addressed = annotations.find(isAddressed);
  if (addressed === undefined) return;
  throw new ArgumentError(`--annotation ${addressed} says itself what it is about, and so does ${image}`, {
    hint: `Write it as KEY=VALUE for ${image}, or leave the image out.`,
  });
}

/** An index has annotations, but no platform. */
function indexKeys(args: AnnotateArguments, unset: readonly string[]): readonly string[] {
  const given = PLATFORM_OPTIONS.filter((name) => args[name] !== undefined);
  const wrong = [
    ...given.map((name) => `--${name}`),
    ...unset.filter((word) => FIELDS.has(word)).map((word) => `--unset ${word}`),
  ];
  if (wrong.length > 0) {
    throw new ArgumentError(`${wrong.join(', ')} needs an image: the index itself has no platform`, {
      hint: `Name the image: multiarch annotate ${args.list} IMAGE …`,
    });
  }
  return unset;
}

/** Values that may be repeated, and separated by commas in one. */
function words(values: readonly string[] = []): readonly string[] {
  return values.flatMap((value) => value.split(',')).filter((word) => word !== '');
}
