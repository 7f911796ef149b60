import type { Command } from './command.js';

interface LogoutArguments {
  readonly host: string;
}

/** `multiarch logout HOST` */
export const logout: Command<LogoutArguments> = {
  positionals: { host: { type: 'string', describe: 'The registry' } },
  options: {},
  async run({ host }, { client, output, options }) {
    const { registry, removed } = await client.logout(host);
    if (options.json) output.json({ registry, removed });
    else output.line(`${removed ? 'Removing login credentials for' : 'Not logged in to'} ${registry}`);
  },
};
