import type { Command } from './command.js';

/** `multiarch help [COMMAND | TOPIC]` */
export const help: Command<{ readonly topic?: string | undefined }> = {
  positionals: {
    command: 'A command',
    topic: 'options, environment, exit-codes or names',
  },
  options: {},
  ignoresSettings: true,
  examples: ['help push', 'help options', 'help environment'],
  async run({ topic }, { output, options, terminal, program }) {
    const [{ findPage }, { formatPage, helpWidth }] = await Promise.all([
      import('../help/find-page.js'),
      import('../help/layout.js'),
    ]);
    const page = await findPage(topic, program);
    const text = formatPage(page, helpWidth(terminal));
    if (options.json) output.json({ topic, help: text });
    else for (const line of text.split('\n')) output.line(line);
  },
};
