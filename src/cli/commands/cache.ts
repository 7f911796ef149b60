import type { CacheUsage } from '../../cache/cache-usage.js';
import { UnknownNameError } from '../flags.js';
import { counted, formatBytes } from '../output/format.js';
import type { Command } from './command.js';

/** `multiarch cache [clear]` */
export const cache: Command<{ readonly action?: string }> = {
  positionals: { action: 'clear: delete what is kept' },
  options: {},
  async run({ action }, { client, output, options }) {
    if (action !== undefined && action !== 'clear') {
      throw new UnknownNameError(`unknown action: ${action}`, {
        given: action,
        names: ['clear'],
        hint: 'multiarch cache shows the cache, multiarch cache clear clears it.',
      });
    }
    const usage = await (action === 'clear' ? client.clearCache() : client.inspectCache());
    if (options.json) output.json(usage);
    else for (const line of usageLines(usage, action === 'clear' ? 'Removed from ' : '')) output.line(line);
  },
};

function usageLines({ directory, parts }: CacheUsage, verb: string): string[] {
  return [
    `${verb}${directory}:`,
    ...parts.map(
      ({ name, description, files, bytes }) =>
        `  ${name}: ${description}, ${counted(files, 'file')}, ${formatBytes(bytes)}`,
    ),
  ];
}
