import type { CopyOptions } from '../../client/copy.js';
import { parsePlatformList } from '../../oci/required-platforms.js';
import { FROM_OPTIONS } from '../input/login-flags.js';
import type { Command } from './command.js';
import { CREATE_OPTIONS } from './create-options.js';
import { ALL_OPTION, checkAll, publishOptions, PUSH_OPTIONS, runReported } from './push.js';
import { commaSeparated, type OptionDeclarations, type OptionValues, parseFlag } from '../flags.js';

const OPTIONS = {
  platform: commaSeparated('Copy only these, which must exist'),
  attestations: {
    choices: ['keep', 'drop'],
    defaultDescription: 'keep',
    describe: 'Provenance, SBOM',
  },
  referrers: PUSH_OPTIONS.referrers,
  tag: PUSH_OPTIONS.tag,
  'expect-current': PUSH_OPTIONS['expect-current'],
  'allow-nondistributable': PUSH_OPTIONS['allow-nondistributable'],
  published: { type: 'boolean', describe: 'Do not warn of a draft of SOURCE' },
  'chunk-size': PUSH_OPTIONS['chunk-size'],
  'layer-compression': CREATE_OPTIONS['layer-compression'],
  'dry-run': PUSH_OPTIONS['dry-run'],
  'digest-file': PUSH_OPTIONS['digest-file'],
  'metadata-file': PUSH_OPTIONS['metadata-file'],
  ...FROM_OPTIONS,
  all: ALL_OPTION,
} as const satisfies OptionDeclarations;

type CopyArguments = OptionValues<typeof OPTIONS> & { readonly source: string; readonly target: string };

/** `multiarch copy SOURCE TARGET` */
export const copy: Command<CopyArguments> = {
  positionals: {
    source: 'app:1.2, oci:DIR[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:REF], docker-daemon:REF',
    target: 'app:1.2, oci:DIR[:TAG], oci-archive:FILE[:TAG]; the default tag is latest',
  },
  options: OPTIONS,
  common: ['platform', 'attestations', 'referrers', 'tag', 'expect-current', 'dry-run', 'digest-file'],
  examples: [
    'copy app:1.2 registry.example.com/app:1.2',
    'copy app:1.2 oci:layout:1.2 --platform linux/arm64',
  ],
  names: ({ source, target }) => ({ targets: [target], sources: [source] }),
  async run(args, context) {
    const { client, options } = context;
    checkAll(args.all);
    const settings = copyOptions(args);
    const configs = options.json || args['metadata-file'] !== undefined;
    await runReported(args, context, {
      plan: () => client.planCopy(args.source, args.target, settings),
      publish: () => client.copy(args.source, args.target, { ...settings, configs }),
      lines: ({ report }) => [report.digest],
    });
  },
};

function copyOptions(args: CopyArguments): CopyOptions {
  return {
    ...publishOptions(args),
    platforms: parseFlag('--platform', () => parsePlatformList(args.platform ?? [])),
    attestations: args.attestations,
    published: args.published,
    layerCompression: args['layer-compression'],
  };
}
