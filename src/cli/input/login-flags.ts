import { Readable } from 'node:stream';

import type { ExplicitCredential } from '../../auth/credentials/static-credential-provider.js';
import { isDigest } from '../../oci/digest.js';
import { ArgumentError } from '../../oci/errors.js';
import { parseImageLocation } from '../../oci/image-location.js';
import { isKnownOs } from '../../oci/known-platforms.js';
import type { RegistryHost } from '../../oci/reference.js';
import type { CommandContext } from '../commands/command.js';
import type { GlobalOptions } from '../global-options.js';
import { readPassword } from './prompt.js';

type LoginFlags = Pick<GlobalOptions, 'username' | 'passwordStdin' | 'registryToken'>;

/**
 * The login that flags give for the registry that a command's words name.
 *
 * @param words the positionals
 * @throws ArgumentError for flags that do not fit together, and for words that do not name one registry: a password that is
 *   meant for one must not be shown to another
 */
export function givenLogin(
  flags: LoginFlags,
  words: readonly string[],
  context: Pick<CommandContext, 'signal' | 'stdin'>,
): ExplicitCredential | undefined {
  const credential = givenCredential(flags, context);
  return credential && { registry: onlyRegistry(words), credential };
}

/**
 * What flags give to log in with. A password on standard input is read when it is asked for.
 * @throws ArgumentError for flags that do not fit together
 */
export function givenCredential(
  { username, passwordStdin, registryToken }: LoginFlags,
  context: Pick<CommandContext, 'signal' | 'stdin'>,
): ExplicitCredential['credential'] | undefined {
  if (registryToken !== undefined) {
    if (username !== undefined || passwordStdin) {
      throw new ArgumentError('--registry-token and --username are two logins, and a call has one');
    }
    return () => Promise.resolve({ kind: 'bearer', token: registryToken });
  }
  if (username === undefined && !passwordStdin) return undefined;
  if (username === undefined) throw new ArgumentError('--password-stdin needs --username');
  if (!passwordStdin) {
    throw new ArgumentError('--username needs --password-stdin', {
      hint: 'Give the password on standard input, or keep the login with multiarch login.',
    });
  }
  return async () => ({ kind: 'basic', username, password: await readPassword(context) });
}

/** Standard input of a command whose password is on it: it gives an error to whoever wants to read a document from there. */
export function takenInput(): Readable {
  return new Readable({
    read() {
      this.destroy(
        new ArgumentError('standard input holds the password (--password-stdin), and no document', {
          hint: 'Name a file in place of -, or keep the login with multiarch login.',
        }),
      );
    },
  });
}

function onlyRegistry(words: readonly string[]): RegistryHost {
  const registries = [...new Set(words.flatMap(registryOf))];
  const [registry] = registries;
  if (registry !== undefined && registries.length === 1) return registry;
  throw new ArgumentError(
    registry === undefined
      ? 'a login is given, but no registry is named that it is for'
      : `a login is given for one registry, but ${registries.join(' and ')} are named`,
    { hint: 'Keep a login for each registry with multiarch login.' },
  );
}

function registryOf(word: string): readonly RegistryHost[] {
  // As a name it would be the tag of a repository on Docker Hub.
  if (isDigest(word)) return [];
  // linux/amd64 could be a repository's name, and is an entry's.
  const [first = '', ...rest] = word.split('/');
  if (rest.length > 0 && isKnownOs(first)) return [];
  try {
    const location = parseImageLocation(word);
    return location.transport === 'registry' ? [location.reference.registry] : [];
  } catch {
    // A file, a mistake: what the command says of it.
    return [];
  }
}
