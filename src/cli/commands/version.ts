import { formatPlatform } from '../../oci/platform.js';
import { likelyPlatform } from '../../oci/platform-names.js';
import { VERSION } from '../../version.js';
import type { Command } from './command.js';

/** `multiarch version` */
export const version: Command<unknown> = {
  positionals: {},
  options: {},
  ignoresSettings: true,
  async run(_args, { output, options }) {
    const { platform: os, arch, versions } = process;
    const platform = likelyPlatform({ os: os === 'win32' ? 'windows' : os, architecture: arch });
    if (options.json) output.json({ version: VERSION, node: versions.node, platform });
    else {
      output.line(`multiarch ${VERSION}`);
      output.line(`Node.js ${versions.node}`);
      output.line(formatPlatform(platform));
    }
  },
};
