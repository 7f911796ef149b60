import { sep } from 'node:path';

import { UnknownNameError } from '../flags.js';
import { currentProgram, installPlugin, pluginDirectory, removePlugin } from '../plugin-file.js';
import type { Command } from './command.js';

const ACTIONS = ['install', 'remove'];

/** `multiarch plugin install|remove` */
export const plugin: Command<{ readonly action: string }> = {
  positionals: { action: 'install: make docker run this program for docker multiarch; remove: undo it' },
  options: {},
  examples: ['plugin install'],
  ignoresSettings: true,
  async run({ action }, { output, options, env }) {
    if (!ACTIONS.includes(action)) {
      throw new UnknownNameError(`unknown action: ${action}`, {
        given: action,
        names: ACTIONS,
        hint: 'multiarch plugin install installs the docker plugin, multiarch plugin remove removes it.',
      });
    }
    const program = await currentProgram(env);
    const settings = { directory: pluginDirectory(env), platform: process.platform, program };
    if (action === 'remove') {
      const removed = await removePlugin(settings);
      if (options.json) output.json(removed);
      else output.line(`${removed.outcome === 'removed' ? 'Removed' : 'Not installed:'} ${removed.path}`);
      return;
    }
    const installed = await installPlugin(settings);
    if (program.path.includes(`${sep}_npx${sep}`)) {
      output.warn(
        `${program.path} is in the cache of npx, which npm may clear: npm install --global multiarch is permanent`,
      );
    }
    if (options.json) output.json(installed);
    else
      output.line(
        `${installed.outcome === 'unchanged' ? 'Already installed:' : 'Installed'} ${installed.path}`,
      );
  },
};
