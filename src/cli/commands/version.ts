import { formatPlatform } from '../../oci/platform.js';
import { likelyPlatform } from '../../oci/platform-names.js';
import { VERSION } from '../../version.js';
import { type OptionDeclarations, type OptionValues } from '../flags.js';
import { isJsonFormat, outputFormat } from '../output-format.js';
import type { Command } from './command.js';

const OPTIONS = { format: outputFormat(['text', 'json'], 'text') } as const satisfies OptionDeclarations;

/** `multiarch version` */
export const version: Command<OptionValues<typeof OPTIONS>> = {
  positionals: {},
  options: OPTIONS,
  ignoresSettings: true,
  async run({ format }, { output, options }) {
    const { platform: os, arch, versions } = process;
    const platform = likelyPlatform({ os: os === 'win32' ? 'windows' : os, architecture: arch });
    if (isJsonFormat(format, options.json)) output.json({ version: VERSION, node: versions.node, platform });
    else {
      output.line(`multiarch ${VERSION}`);
      output.line(`Node.js ${versions.node}`);
      output.line(formatPlatform(platform));
    }
  },
};
