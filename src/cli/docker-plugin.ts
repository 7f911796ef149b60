import { isCompletion } from './complete/request.js';
import { parseArgv, type OptionDeclarations } from './flags.js';

const NAME = 'multiarch';

/** docker's own global flags, which may precede the name of the plugin. Only config, debug and help have an effect here. */
const DOCKER_FLAGS: OptionDeclarations = {
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

/** A call of a docker CLI plugin. */
export interface PluginCall {
  /** The plugin's own arguments. */
  readonly argv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/**
 * Reads the arguments of a docker CLI plugin: docker's whole command line, in which docker's flags, `help` and the name
 * of the plugin precede the plugin's own arguments.
 * @throws ArgumentError
 */
export function readPluginCall(argv: readonly string[], env: NodeJS.ProcessEnv): PluginCall {
  const { flags, positionals } = parseArgv(argv, DOCKER_FLAGS, { leading: true });
  const [first, second] = positionals;
  const isHelp = first === 'help' && second === NAME;
  if (isCompletion(first) && second === NAME) return { argv: [first, ...positionals.slice(2)], env };
  const { config } = flags;
  return {
    argv: [
      ...(flags['debug'] === true ? ['--debug'] : []),
      ...(isHelp || flags['help'] === true ? ['--help'] : []),
      ...positionals.slice(isHelp ? 2 : first === NAME ? 1 : 0),
    ],
    env: typeof config === 'string' ? { ...env, DOCKER_CONFIG: config } : env,
  };
}
