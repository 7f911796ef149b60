import { Readable } from 'node:stream';

import type { ExplicitCredential } from '../../auth/credentials/credential.js';
import { isDigest } from '../../oci/digest.js';
import { ArgumentError } from '../../oci/errors.js';
import { parseImageLocation } from '../../oci/image-location.js';
import { isKnownOs } from '../../oci/known-platforms.js';
import type { RegistryHost } from '../../oci/reference.js';
import type { CommandContext } from '../commands/command.js';
import type { GlobalOptions } from '../global-options.js';
import { readPassword } from './prompt.js';

type LoginFlags = Pick<GlobalOptions, 'username' | 'password-stdin' | 'registry-token'>;

/**
 * The credentials that flags give for the registry that the positionals name.
 * @throws ArgumentError for incompatible flags, and for positionals that do not name exactly one registry: a password must
 *   not be sent to another one
 */
export function givenLogin(
  flags: LoginFlags,
  positionals: readonly string[],
  context: Pick<CommandContext, 'signal' | 'stdin'>,
): ExplicitCredential | undefined {
  const credential = givenCredential(flags, context);
  return credential && { registry: onlyRegistry(positionals), credential };
}

/**
 * The credential that flags give. A password on standard input is read on first use.
 * @throws ArgumentError for incompatible flags
 */
export function givenCredential(
  { username, 'password-stdin': passwordStdin = false, 'registry-token': token }: LoginFlags,
  context: Pick<CommandContext, 'signal' | 'stdin'>,
): ExplicitCredential['credential'] | undefined {
  if (token !== undefined) {
    if (username !== undefined || passwordStdin) {
      throw new ArgumentError('--registry-token and --username exclude each other');
    }
    return () => Promise.resolve({ kind: 'bearer', token });
  }
  if (username === undefined && !passwordStdin) return undefined;
  if (username === undefined) throw new ArgumentError('--password-stdin needs --username');
  if (!passwordStdin) {
    throw new ArgumentError('--username needs --password-stdin', {
      hint: 'Give the password on standard input, or save the login with multiarch login.',
    });
  }
  return async () => ({ kind: 'basic', username, password: await readPassword(context) });
}

/** Standard input of a command that reads a password from it. Fails if a document is read from it. */
export function takenInput(): Readable {
  return new Readable({
    read() {
      this.destroy(
        new ArgumentError('standard input is used for the password (--password-stdin)', {
          hint: 'Name a file instead of -, or save the login with multiarch login.',
        }),
      );
    },
  });
}

function onlyRegistry(positionals: readonly string[]): RegistryHost {
  const registries = [...new Set(positionals.flatMap(registryOf))];
  const [registry] = registries;
  if (registry !== undefined && registries.length === 1) return registry;
  throw new ArgumentError(
    registry === undefined
      ? 'credentials are given, but no registry is named'
      : `credentials are given for one registry, but ${registries.join(' and ')} are named`,
    { hint: 'Save a login for each registry with multiarch login.' },
  );
}

function registryOf(name: string): readonly RegistryHost[] {
  // A digest would parse as a repository with a tag on Docker Hub.
  if (isDigest(name)) return [];
  // linux/amd64 is the platform of an entry, though it could be a repository.
  const [first = '', ...rest] = name.split('/');
  if (rest.length > 0 && isKnownOs(first)) return [];
  try {
    const location = parseImageLocation(name);
    return location.transport === 'registry' ? [location.reference.registry] : [];
  } catch {
    // A file or a mistake; the command reports the latter.
    return [];
  }
}
