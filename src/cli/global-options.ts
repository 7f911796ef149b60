import type { TlsFiles } from '../http/tls/tls-config.js';
import { ArgumentError } from '../oci/errors.js';
import { parseDuration } from './input/duration.js';
import type { Options } from 'yargs';

/** What every command takes. */
export interface GlobalOptions {
  readonly insecure: boolean;
  readonly store: string | undefined;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly progress: (typeof PROGRESS)[number];
  readonly concurrency: number;
  /** In milliseconds. */
  readonly timeout: number | undefined;
  readonly retries: number;
  readonly stats: boolean;
  readonly debug: boolean;
  /** The login of a call, for the one registry that it names. */
  readonly username: string | undefined;
  readonly passwordStdin: boolean;
  readonly registryToken: string | undefined;
  /** Certificates for the registries that the call names. */
  readonly tls: TlsFiles;
}

const PROGRESS = ['auto', 'plain', 'none'] as const;

/** The declarations of {@link GlobalOptions}. They are shown in every command's help, after its own. */
export const GLOBAL_OPTIONS = {
  insecure: {
    type: 'boolean',
    describe: 'Allow plain HTTP and unverified TLS for the registries named in this call',
  },
  store: { type: 'string', describe: 'Directory of the drafts' },
  json: { type: 'boolean', describe: 'Print the result as one JSON document' },
  quiet: {
    alias: 'q',
    type: 'boolean',
    describe: 'No progress and no warnings; push prints the digest alone, ls the names',
  },
  progress: { choices: PROGRESS, describe: 'How progress is shown on stderr', default: 'auto' },
  concurrency: { type: 'number', describe: 'Requests and transfers at once', default: 8 },
  timeout: { type: 'string', describe: 'Give up after this long (90s, 10m, 1h30m)' },
  retries: { type: 'number', describe: 'Send a failed request again so often', default: 4 },
  stats: { type: 'boolean', describe: 'Print requests, bytes, mounts and retries on stderr' },
  debug: { type: 'boolean', describe: 'Log every request on stderr, secrets left out' },
  username: { type: 'string', describe: 'Log in to the registry named in this call, with --password-stdin' },
  'password-stdin': { type: 'boolean', describe: 'Read the password for --username from standard input' },
  'registry-token': { type: 'string', describe: 'Send this bearer token to the registry named in this call' },
  cacert: { type: 'string', describe: 'Trust the authorities in this PEM file for the registries named' },
  cert: { type: 'string', describe: 'Show this client certificate (PEM) to the registries named' },
  key: { type: 'string', describe: 'The private key (PEM) of --cert' },
} as const satisfies OptionDeclarations;

/**
 * Checks the global options of a parsed command line.
 * @throws ArgumentError
 */
export function globalOptions(args: Readonly<Record<string, unknown>>): GlobalOptions {
  const { store, timeout, progress } = args;
  if (store === '') {
    throw new ArgumentError('--store takes a directory, not ""', {
      hint: 'Is the variable set that it comes from?',
    });
  }
  return {
    insecure: args['insecure'] === true,
    store: typeof store === 'string' ? store : undefined,
    json: args['json'] === true,
    quiet: args['quiet'] === true,
    progress: PROGRESS.find((choice) => choice === progress) ?? 'auto',
    concurrency: atLeast(1, 'concurrency', args['concurrency']),
    timeout: typeof timeout === 'string' ? parseTimeout(timeout) : undefined,
    retries: atLeast(0, 'retries', args['retries']),
    stats: args['stats'] === true,
    debug: args['debug'] === true,
    username: givenText('username', args['username']),
    passwordStdin: args['password-stdin'] === true,
    registryToken: givenText('registry-token', args['registry-token']),
    tls: tlsFiles(args),
  };
}

function tlsFiles(args: Readonly<Record<string, unknown>>): TlsFiles {
  const [ca, cert, key] = ['cacert', 'cert', 'key'].map((name) => givenText(name, args[name]));
  if ((cert === undefined) !== (key === undefined)) {
    throw new ArgumentError('a client certificate takes both --cert FILE and --key FILE');
  }
  return { ca, cert, key };
}

function givenText(name: string, value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  if (value !== '') return value;
  throw new ArgumentError(`--${name} is empty`, { hint: 'Is the variable set that it comes from?' });
}

function atLeast(least: number, name: string, value: unknown): number {
  if (typeof value === 'number' && value >= least) return value;
  throw new ArgumentError(`--${name} takes a whole number from ${least} up, not ${String(value)}`);
}

/** What the timers of Node can wait at most, in milliseconds: 24 days. */
const LONGEST = 2 ** 31 - 1;

function parseTimeout(text: string): number {
  const milliseconds = parseDuration(text);
  if (milliseconds >= 1 && milliseconds <= LONGEST) return milliseconds;
  throw new ArgumentError(
    `--timeout takes a duration from 1ms to ${Math.floor(LONGEST / 3_600_000)}h, not ${text}`,
    {
      hint: 'Leave it out to wait as long as it takes.',
    },
  );
}

/** The options of a command, as yargs takes them. */
export type OptionDeclarations = Readonly<Record<string, Options>>;
