import type { TlsFiles } from '../http/tls/tls-config.js';
import { ArgumentError } from '../oci/errors.js';
import { parseDuration } from './input/duration.js';
import type { OptionDeclarations } from './flags.js';

/** The options of every command. */
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
  /** The credentials for the one registry that the command line names. */
  readonly username: string | undefined;
  readonly passwordStdin: boolean;
  readonly registryToken: string | undefined;
  /** The certificates for the registries that the command line names. */
  readonly tls: TlsFiles;
}

const PROGRESS = ['auto', 'plain', 'none'] as const;

/** The declarations of {@link GlobalOptions}. The help of each command shows them after its own options. */
export const GLOBAL_OPTIONS = {
  insecure: {
    type: 'boolean',
    describe: 'Allow plain HTTP and unverified TLS for the registries of this command',
  },
  store: { type: 'string', describe: 'Directory for drafts' },
  json: { type: 'boolean', describe: 'Print the result as one JSON document' },
  quiet: {
    alias: 'q',
    type: 'boolean',
    describe: 'Hide progress and warnings; push prints only the digest, ls only names',
  },
  progress: { choices: PROGRESS, describe: 'Format of the progress on stderr', default: 'auto' },
  concurrency: { type: 'number', describe: 'Maximum number of parallel requests and transfers', default: 8 },
  timeout: { type: 'string', describe: 'Fail after this time (90s, 10m, 1h30m)' },
  retries: { type: 'number', describe: 'Number of retries for a failed request', default: 4 },
  stats: { type: 'boolean', describe: 'Print the number of requests, bytes, mounts and retries on stderr' },
  debug: { type: 'boolean', describe: 'Log all requests on stderr, without secrets' },
  username: { type: 'string', describe: 'User name for the registry; needs --password-stdin' },
  'password-stdin': { type: 'boolean', describe: 'Read the password for --username from standard input' },
  'registry-token': { type: 'string', describe: 'Bearer token for the registry' },
  cacert: { type: 'string', describe: 'PEM file of certificate authorities to trust for the registries' },
  cert: { type: 'string', describe: 'PEM file of the client certificate for the registries' },
  key: { type: 'string', describe: 'PEM file of the private key for --cert' },
} as const satisfies OptionDeclarations;

/** All flags that may be given before or after the name of a command. */
export const GLOBAL_FLAGS = {
  ...GLOBAL_OPTIONS,
  help: { alias: 'h', type: 'boolean', describe: 'Show this help' },
  version: { type: 'boolean', describe: 'Show the version' },
} as const satisfies OptionDeclarations;

/**
 * Checks the global options of a parsed command line.
 * @throws ArgumentError
 */
export function globalOptions(args: Readonly<Record<string, unknown>>): GlobalOptions {
  const { store, timeout, progress } = args;
  if (store === '') {
    throw new ArgumentError('--store takes a directory, not ""', {
      hint: 'Check whether the variable it comes from is set.',
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
    username: nonEmptyText('username', args['username']),
    passwordStdin: args['password-stdin'] === true,
    registryToken: nonEmptyText('registry-token', args['registry-token']),
    tls: tlsFiles(args),
  };
}

function tlsFiles(args: Readonly<Record<string, unknown>>): TlsFiles {
  const [ca, cert, key] = ['cacert', 'cert', 'key'].map((name) => nonEmptyText(name, args[name]));
  if ((cert === undefined) !== (key === undefined)) {
    throw new ArgumentError('--cert and --key need each other');
  }
  return { ca, cert, key };
}

function nonEmptyText(name: string, value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  if (value !== '') return value;
  throw new ArgumentError(`--${name} is empty`, { hint: 'Check whether the variable it comes from is set.' });
}

function atLeast(min: number, name: string, value: unknown): number {
  if (typeof value === 'number' && value >= min) return value;
  throw new ArgumentError(`--${name} takes a whole number of at least ${min}, not ${String(value)}`);
}

/** In milliseconds: the maximum of Node's timers, 24 days. */
const MAX_TIMEOUT = 2 ** 31 - 1;

function parseTimeout(text: string): number {
  const milliseconds = parseDuration(text);
  if (milliseconds >= 1 && milliseconds <= MAX_TIMEOUT) return milliseconds;
  throw new ArgumentError(
    `--timeout takes a duration from 1ms to ${Math.floor(MAX_TIMEOUT / 3_600_000)}h, not ${text}`,
    {
      hint: 'Omit it for no time limit.',
    },
  );
}
