import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';

import type { ExplicitCredential } from '../../auth/credentials/credential.js';
import { isDigest } from '../../oci/digest.js';
import { ArgumentError } from '../../oci/errors.js';
import { parseImageLocation } from '../../oci/image-location.js';
import { isKnownOs } from '../../oci/known-platforms.js';
import type { RegistryHost } from '../../oci/reference.js';
import type { CommandContext, NamedImages } from '../commands/command.js';
import type { OptionDeclarations, OptionValues } from '../flags.js';
import type { GlobalOptions } from '../global-options.js';

type OwnFlags = Pick<GlobalOptions, 'username' | 'password-stdin' | 'registry-token' | 'creds'>;

const SOURCE_LOGIN = 'Login for the sources';

/** The options of commands with sources: a login for their registry. */
export const FROM_OPTIONS = {
  'from-username': {
    type: 'string',
    value: 'USER',
    group: SOURCE_LOGIN,
    describe: 'User for the registry of the sources',
  },
  'from-password-stdin': {
    type: 'boolean',
    group: SOURCE_LOGIN,
    describe: 'Read its password from standard input',
  },
  'from-registry-token': {
    type: 'string',
    value: 'TOKEN',
    group: SOURCE_LOGIN,
    describe: 'Bearer token',
  },
} as const satisfies OptionDeclarations;

type FromFlags = OptionValues<typeof FROM_OPTIONS>;

/** The flags that give logins for one call. */
export type LoginFlags = OwnFlags & FromFlags;

/**
 * The credentials that flags give: `--username` and the like for the registry of the target, else for that of the sources,
 * `--from-username` and the like for that of the sources only.
 * @throws ArgumentError for incompatible flags, and if it is not certain which registry a credential is for: a password must
 *   not be sent to another one
 */
export async function givenLogins(
  flags: LoginFlags,
  names: () => Promise<NamedImages> | NamedImages,
  context: Pick<CommandContext, 'signal' | 'stdin'>,
): Promise<readonly ExplicitCredential[]> {
  const own = givenCredential(flags, context);
  const from = givenCredential(fromFlags(flags), context, 'from-');
  if (flags['password-stdin'] === true && flags['from-password-stdin'] === true) {
    throw new ArgumentError('--password-stdin and --from-password-stdin exclude each other', {
      hint: 'Save one of the logins with multiarch login.',
    });
  }
  if (own === undefined && from === undefined) return [];
  const login = (credential: typeof own, hosts: readonly RegistryHost[]): ExplicitCredential[] =>
    credential === undefined ? [] : [{ registry: onlyRegistry(hosts), credential }];
  const { targets, sources } = await names();
  const targetHosts = registriesOf(targets);
  const sourceHosts = registriesOf(sources);
  if (from === undefined) return login(own, targetHosts.length > 0 ? targetHosts : sourceHosts);
  const others = sourceHosts.filter((host) => !targetHosts.includes(host));
  if (others.length === 0) throw noOtherRegistry(targetHosts);
  return [...login(own, targetHosts), ...login(from, others)];
}

/**
 * The credential that flags give. A password on standard input is read on first use.
 * @param prefix that of the names of the flags
 * @throws ArgumentError for incompatible flags
 */
export function givenCredential(
  { username, 'password-stdin': passwordStdin = false, 'registry-token': token, creds }: OwnFlags,
  context: Pick<CommandContext, 'signal' | 'stdin'>,
  prefix = '',
): ExplicitCredential['credential'] | undefined {
  if (creds !== undefined) {
    if (token !== undefined || username !== undefined || passwordStdin) {
      throw new ArgumentError('--creds excludes --username, --password-stdin and --registry-token');
    }
    return parseCreds(creds);
  }
  if (token !== undefined) {
    if (username !== undefined || passwordStdin) {
      throw new ArgumentError(`--${prefix}registry-token and --${prefix}username exclude each other`);
    }
    return () => Promise.resolve({ kind: 'bearer', token });
  }
  if (username === undefined && !passwordStdin) return undefined;
  if (username === undefined) throw new ArgumentError(`--${prefix}password-stdin needs --${prefix}username`);
  if (!passwordStdin) {
    throw new ArgumentError(`--${prefix}username needs --${prefix}password-stdin`, {
      hint: 'Give the password on standard input, or save the login with multiarch login.',
    });
  }
  return async () => {
    const { readPassword } = await import('./prompt.js');
    return { kind: 'basic', username, password: await readPassword(context) };
  };
}

/** Parses `USER:PASSWORD`, as podman does. The password may contain colons. */
function parseCreds(creds: string): ExplicitCredential['credential'] {
  const [, username, password] = /^([^:]+):(.+)$/s.exec(creds) ?? [];
  if (username !== undefined && password !== undefined) {
    return () => Promise.resolve({ kind: 'basic', username, password });
  }
  throw new ArgumentError('--creds takes USER:PASSWORD', {
    hint: 'To give the password on standard input, use --username and --password-stdin.',
  });
}

/**
 * Returns the environment with the file of `--authfile`.
 * @param mustExist whether the file must exist, as in podman; `login` creates it
 * @throws ArgumentError
 */
export async function withAuthFile(
  { authfile }: Pick<GlobalOptions, 'authfile'>,
  env: NodeJS.ProcessEnv,
  mustExist: boolean,
): Promise<NodeJS.ProcessEnv> {
  if (authfile === undefined) return env;
  const stats = await stat(authfile).catch(() => undefined);
  if (stats?.isDirectory() === true || (stats === undefined && mustExist)) {
    const problem = stats === undefined ? 'no such file' : 'it is a directory';
    throw new ArgumentError(`--authfile ${authfile}: ${problem}`, {
      hint: 'Name a file that docker, podman or multiarch login has written.',
    });
  }
  return { ...env, REGISTRY_AUTH_FILE: authfile };
}

/** Reports whether a password is read from standard input. */
export function readsPassword(flags: LoginFlags): boolean {
  return flags['password-stdin'] === true || flags['from-password-stdin'] === true;
}

/** Returns the names of the given flags whose values are secrets. */
export function visibleSecrets(flags: LoginFlags): readonly string[] {
  return (['registry-token', 'from-registry-token', 'creds'] as const).filter(
    (name) => flags[name] !== undefined,
  );
}

/** Standard input of a command that reads a password from it. Fails if a document is read from it. */
export function takenInput(flags: LoginFlags): Readable {
  const flag = flags['password-stdin'] === true ? '--password-stdin' : '--from-password-stdin';
  return new Readable({
    read() {
      this.destroy(
        new ArgumentError(`standard input is used for the password (${flag})`, {
          hint: 'Name a file instead of -, or save the login with multiarch login.',
        }),
      );
    },
  });
}

function fromFlags(flags: FromFlags): OwnFlags {
  return {
    username: flags['from-username'],
    'password-stdin': flags['from-password-stdin'],
    'registry-token': flags['from-registry-token'],
    creds: undefined,
  };
}

function onlyRegistry(registries: readonly RegistryHost[]): RegistryHost {
  const distinct = [...new Set(registries)];
  const [registry] = distinct;
  if (registry !== undefined && distinct.length === 1) return registry;
  throw new ArgumentError(
    registry === undefined
      ? 'credentials are given, but no registry is named'
      : `credentials are given for one registry, but ${distinct.join(' and ')} are named`,
    { hint: 'Save a login for each registry with multiarch login.' },
  );
}

function noOtherRegistry(targets: readonly RegistryHost[]): ArgumentError {
  const [target] = targets;
  return target === undefined
    ? new ArgumentError('credentials are given for the sources, but no registry of a source is named')
    : new ArgumentError(
        `credentials are given for the sources, but these are in ${target} as the target is`,
        {
          hint: 'Give --username or --registry-token, which is for both.',
        },
      );
}

/** Returns the registries of names. Files, layouts, digests and platforms have none. */
export function registriesOf(names: readonly string[]): readonly RegistryHost[] {
  return names.flatMap(registryOf);
}

function registryOf(name: string): readonly RegistryHost[] {
  // A digest would parse as a repository with a tag on Docker Hub.
  if (isDigest(name)) return [];
  // linux/amd64 is the platform of an entry, though it could be a repository.
  const [first = '', ...rest] = name.split('/');
  if (rest.length > 0 && isKnownOs(first)) return [];
  try {
    // The placeholders of a template are in its path or tag.
    const location = parseImageLocation(name.replaceAll(/\{[^{}]*\}/g, 'x'));
    return location.transport === 'registry' ? [location.reference.registry] : [];
  } catch {
    // A file or a mistake; the command reports the latter.
    return [];
  }
}
