import { VERSION } from '../version.js';
import { parseArgv, type FlagDeclarations } from './flags.js';

const NAME = 'multiarch';

/** docker's own flags, which may come before the name of the plugin. Only two of them mean something here. */
const DOCKER_FLAGS: FlagDeclarations = {
  config: { type: 'string' },
  context: { type: 'string', alias: 'c' },
  debug: { type: 'boolean', alias: 'D' },
  help: { type: 'boolean', alias: 'h' },
  host: { type: 'string', alias: 'H' },
  'log-level': { type: 'string', alias: 'l' },
  tls: { type: 'boolean' },
  tlscacert: { type: 'string' },
  tlscert: { type: 'string' },
  tlskey: { type: 'string' },
  tlsverify: { type: 'boolean' },
};

/** What docker asks of a plugin: to say what it is, or to run a command line. */
export type PluginCall =
  | { readonly kind: 'metadata'; readonly text: string }
  | { readonly kind: 'run'; readonly argv: readonly string[]; readonly env: NodeJS.ProcessEnv };

/**
 * Reads the words that docker calls a plugin with: all of docker's own command line, so docker's flags and the name of
 * the plugin come before the plugin's words, and `help` may too.
 * @throws ArgumentError
 */
export function readPluginCall(argv: readonly string[], env: NodeJS.ProcessEnv): PluginCall {
  if (argv[0] === 'docker-cli-plugin-metadata') {
    const text = JSON.stringify({
      SchemaVersion: '0.1.0',
      Vendor: 'multiarch',
      Version: VERSION,
      ShortDescription: 'Assemble, check and publish multi-arch images',
    });
    return { kind: 'metadata', text };
  }
  const { flags, positionals } = parseArgv(argv, DOCKER_FLAGS, { leading: true });
  const [first, second] = positionals;
  const asksHelp = first === 'help' && second === NAME;
  const words = positionals.slice(asksHelp ? 2 : first === NAME ? 1 : 0);
  const own = [
    ...(flags.get('debug')?.includes('true') === true ? ['--debug'] : []),
    ...(asksHelp || flags.has('help') ? ['--help'] : []),
  ];
  const config = flags.get('config')?.at(-1);
  return {
    kind: 'run',
    argv: [...own, ...words],
    env: config === undefined ? env : { ...env, DOCKER_CONFIG: config },
  };
}
