import { SHELLS, shellScript, type Shell } from '../complete/shell-scripts.js';
import { ArgumentError } from '../../oci/errors.js';
import type { Command } from './command.js';

/** `multiarch completion SHELL` */
export const completion: Command<{ readonly shell: string }> = {
  positionals: { shell: `The shell: ${SHELLS.join(', ')}` },
  options: {},
  ignoresSettings: true,
  async run({ shell }, { output, options }) {
    if (!isShell(shell)) {
      throw new ArgumentError(`unknown shell: ${shell}`, { hint: `Shells are ${SHELLS.join(', ')}.` });
    }
    const script = shellScript(shell);
    if (options.json) output.json({ shell, script });
    else output.bytes(Buffer.from(script));
  },
};

function isShell(name: string): name is Shell {
  return (SHELLS as readonly string[]).includes(name);
}
