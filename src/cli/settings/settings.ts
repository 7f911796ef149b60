/**
 * The values of options from flags, environment variables and the configuration file.
 *
 * Offers config-path, option-settings, settings.
 * @module cli/settings
 */
import type { RegistrySettings } from '../../client/registry-settings.js';
import type { OptionDeclarations, ParsedArgv } from '../flags.js';
import type { ConfigFile } from './config-file.js';
import { configPath, mayExist } from './config-path.js';
import { groupOf, hasVariable, parseSetting, variableOf } from './option-settings.js';

/** Where the value of an option comes from. */
export type Origin =
  | { readonly kind: 'flag' }
  | { readonly kind: 'environment'; readonly variable: string }
  | { readonly kind: 'file'; readonly line: number }
  | { readonly kind: 'default' };

/** The options of a call. */
export interface Settings {
  /** The values of all options that have one, by name. */
  readonly flags: Readonly<Record<string, unknown>>;
  /** Where the values come from that a variable or the file can set. */
  readonly origins: ReadonlyMap<string, Origin>;
  /** The settings of single registries, without those that flags and variables replace. */
  readonly registries: Readonly<Record<string, RegistrySettings>>;
  /** `undefined` if it does not exist. */
  readonly file: ConfigFile | undefined;
}

/**
 * Completes the options of a call: a flag takes precedence over its variable, that over the settings of a registry, these over
 * the rest of the file, and that over the default.
 * @throws ArgumentError for a variable, and the errors of the configuration file: FailedError, InvalidError
 */
export async function readSettings(
  { flags, given }: Pick<ParsedArgv, 'flags' | 'given'>,
  declared: OptionDeclarations,
  env: NodeJS.ProcessEnv,
): Promise<Settings> {
  const path = configPath(env);
  // Most users have none, so its code is loaded only then.
  const config = path !== undefined && mayExist(path) ? await import('./config-file.js') : undefined;
  const file = path === undefined ? undefined : await config?.readConfigFile(path);
  const values = new Map(Object.entries(flags));
  const origins = new Map<string, Origin>();
  const inEnvironment = (name: string): boolean => (env[variableOf(name)] ?? '') !== '';
  for (const [name, option] of Object.entries(declared)) {
    if (!hasVariable(name)) continue;
    const group = groupOf(name);
    const origin = originOf(name, {
      flag: group.some((each) => given.has(each)),
      environment: group.some(inEnvironment),
      file: file?.options.get(name)?.line,
    });
    origins.set(name, origin);
    if (origin.kind === 'environment' && inEnvironment(name)) {
      values.set(name, parseSetting(name, env[origin.variable] ?? '', option, origin.variable));
    }
    if (origin.kind === 'file') values.set(name, file?.options.get(name)?.value);
  }
  const decided = new Set(
    [...origins].filter(([, { kind }]) => kind === 'flag' || kind === 'environment').map(([name]) => name),
  );
  if (given.has('chunk-size')) decided.add('chunk-size');
  return {
    flags: Object.fromEntries(values),
    origins,
    registries: Object.fromEntries(
      [...(file?.registries ?? [])].map(([host, members]) => [
        host,
        config?.registrySettings(members, decided) ?? {},
      ]),
    ),
    file,
  };
}

/** Returns the settings of a call that nothing but its flags decides. */
export function flagsOnly(flags: Settings['flags']): Settings {
  return { flags, origins: new Map(), registries: {}, file: undefined };
}

function originOf(
  name: string,
  has: { readonly flag: boolean; readonly environment: boolean; readonly file: number | undefined },
): Origin {
  if (has.flag) return { kind: 'flag' };
  if (has.environment) return { kind: 'environment', variable: variableOf(name) };
  return has.file === undefined ? { kind: 'default' } : { kind: 'file', line: has.file };
}
