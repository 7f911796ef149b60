import { ArgumentError } from '../oci/errors.js';
import type { LimitName, RunLimits } from '../content/budget.js';
import { parseDuration } from './input/duration.js';
import { parseSize } from './input/size.js';
import { repeatable, type OptionDeclarations, type OptionValues, parseFlag } from './flags.js';

/** The options of every command. Help shows them after those of the command. */
export const GLOBAL_OPTIONS = {
  insecure: {
    type: 'boolean',
    describe: 'Allow plain HTTP and unverified TLS for the registries of this command',
  },
  store: { type: 'string', describe: 'Directory for drafts' },
  'no-cache': { type: 'boolean', describe: 'Ask registries for everything, and keep nothing in the cache' },
  json: { type: 'boolean', describe: 'Print the result as one JSON document' },
  quiet: {
    alias: 'q',
    type: 'boolean',
    describe: 'Hide progress and warnings; push prints only the digest, ls only names',
  },
  progress: {
    choices: ['auto', 'plain', 'none'],
    describe: 'Format of the progress on stderr',
    default: 'auto',
  },
  concurrency: { type: 'number', describe: 'Maximum number of parallel requests and transfers', default: 8 },
  timeout: { type: 'string', describe: 'Fail after this time (90s, 10m, 1h30m)' },
  retries: {
    type: 'number',
    describe: 'Most retries for a failed request (default: 4; with --retry-for, no limit)',
  },
  'retry-for': { type: 'string', describe: 'Retry a failed request for at most this time (30s, 5m)' },
  limit: repeatable(
    'Raise or lower a limit of this command',
    'requests=N, metadata=SIZE or entries=N; repeatable',
  ),
  stats: { type: 'boolean', describe: 'Print the number of requests, bytes, mounts and retries on stderr' },
  debug: { type: 'boolean', describe: 'Log all requests on stderr, without secrets' },
  username: { type: 'string', describe: 'User name for the registry; needs --password-stdin' },
  'password-stdin': { type: 'boolean', describe: 'Read the password for --username from standard input' },
  'registry-token': { type: 'string', describe: 'Bearer token for the registry' },
  creds: {
    type: 'string',
    describe: 'USER:PASSWORD for the registry; visible to other users of this machine',
  },
  authfile: { type: 'string', describe: 'File with logins; replaces REGISTRY_AUTH_FILE' },
  'tls-verify': { type: 'boolean', describe: 'false: same as --insecure; true: HTTPS for localhost too' },
  cacert: { type: 'string', describe: 'PEM file of certificate authorities to trust for the registries' },
  cert: { type: 'string', describe: 'PEM file of the client certificate for the registries' },
  key: { type: 'string', describe: 'PEM file of the private key for --cert' },
} as const satisfies OptionDeclarations;

export type GlobalOptions = OptionValues<typeof GLOBAL_OPTIONS>;

/** All flags that may be given before or after the name of a command. */
export const GLOBAL_FLAGS = {
  ...GLOBAL_OPTIONS,
  help: { alias: 'h', type: 'boolean', describe: 'Show this help' },
  version: { type: 'boolean', describe: 'Show the version' },
} as const satisfies OptionDeclarations;

const NON_EMPTY = [
  'username',
  'registry-token',
  'from-username',
  'from-registry-token',
  'creds',
  'authfile',
  'cacert',
  'cert',
  'key',
  'file',
  'digests',
] as const;
const UNSET = { hint: 'Check whether the variable it comes from is set.' };

/**
 * Returns the global options of a parsed command line.
 * @throws ArgumentError for values that the declarations allow but no command can use
 */
export function globalOptions(args: Readonly<Record<string, unknown>>): GlobalOptions {
  const options = args as GlobalOptions;
  if (options.store === '') throw new ArgumentError('--store takes a directory, not ""', UNSET);
  const empty = NON_EMPTY.find((name) => [args[name]].flat().includes(''));
  if (empty !== undefined) throw new ArgumentError(`--${empty} is empty`, UNSET);
  if (options.insecure !== undefined && options.insecure === options['tls-verify']) {
    throw new ArgumentError('--insecure and --tls-verify contradict each other');
  }
  if ((options.cert === undefined) !== (options.key === undefined)) {
    throw new ArgumentError('--cert and --key need each other');
  }
  if (options.concurrency < 1) {
    throw new ArgumentError('--concurrency takes a whole number of at least 1, not 0');
  }
  return options;
}

/** Returns the value of `--retry-for` in milliseconds. @throws ArgumentError */
export function parseRetryFor(text: string): number {
  const milliseconds = parseFlag('--retry-for', () => parseDuration(text));
  if (milliseconds <= MAX_TIMEOUT) return milliseconds;
  throw new ArgumentError(
    `--retry-for takes a duration of at most ${Math.floor(MAX_TIMEOUT / 3_600_000)}h, not ${text}`,
  );
}

/** In milliseconds: the maximum of Node's timers, 24 days. */
const MAX_TIMEOUT = 2 ** 31 - 1;

/** Returns the value of `--timeout` in milliseconds. @throws ArgumentError */
export function parseTimeout(text: string): number {
  const milliseconds = parseFlag('--timeout', () => parseDuration(text));
  if (milliseconds >= 1 && milliseconds <= MAX_TIMEOUT) return milliseconds;
  const range = `from 1ms to ${Math.floor(MAX_TIMEOUT / 3_600_000)}h`;
  throw new ArgumentError(`--timeout takes a duration ${range}, not ${text}`, {
    hint: 'Omit it for no time limit.',
  });
}

const LIMIT_NAMES: readonly string[] = ['requests', 'metadata', 'entries'] satisfies LimitName[];

/** Returns the values of `--limit`. @throws ArgumentError for an unknown name, an invalid value, and two different ones */
export function parseLimits(texts: readonly string[] = []): Partial<RunLimits> {
  const limits = new Map<string, number>();
  for (const text of texts) {
    const { name = '', value = '' } = /^(?<name>[^=]*)=(?<value>.*)$/s.exec(text)?.groups ?? {};
    if (!LIMIT_NAMES.includes(name)) {
      throw new ArgumentError(`--limit takes NAME=VALUE, not ${JSON.stringify(text)}`, {
        hint: `The names are ${LIMIT_NAMES.join(', ')}.`,
      });
    }
    const flag = `--limit ${name}`;
    const limit = name === 'metadata' ? parseSize(flag, value) : parseCount(flag, value);
    if ((limits.get(name) ?? limit) !== limit)
      throw new ArgumentError(`${flag} is given twice, with different values`);
    limits.set(name, limit);
  }
  return Object.fromEntries(limits);
}

function parseCount(flag: string, text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw new ArgumentError(`${flag} takes a whole number of at least 1, not ${JSON.stringify(text)}`);
}
