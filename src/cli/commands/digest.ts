import { parsePlatform } from '../../oci/platform.js';
import { parseFlag, type OptionDeclarations, type OptionValues } from '../flags.js';
import { isJsonFormat, outputFormat } from '../output-format.js';
import { warnOfProblems } from '../output/draft-text.js';
import type { Command } from './command.js';

const OPTIONS = {
  platform: {
    type: 'string',
    value: 'PLATFORM',
    describe: 'Print the digest of the image for this platform',
  },
  published: { type: 'boolean', describe: 'Ignore drafts, and ask for what is published' },
  format: outputFormat(['text', 'json'], 'text'),
} as const satisfies OptionDeclarations;

/** `multiarch digest REF` */
export const digest: Command<OptionValues<typeof OPTIONS> & { readonly ref: string }> = {
  positionals: { ref: 'A draft, or an image or index in a registry, layout or archive' },
  options: OPTIONS,
  examples: ['digest app:1.2', 'digest app:1.2 --platform linux/arm64'],
  async run({ ref, platform, published, format }, { client, output, options }) {
    const isJson = isJsonFormat(format, options.json);
    const wanted =
      platform === undefined ? undefined : parseFlag('--platform', () => parsePlatform(platform));
    const { problems, ...found } = await client.digest(ref, { platform: wanted, published });
    warnOfProblems({ problems }, output);
    if (isJson) output.json(found);
    else output.line(found.digest);
  },
};
