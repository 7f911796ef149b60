import { ArgumentError } from '../oci/errors.js';
import type { LimitName, RunLimits } from '../content/budget.js';
import { LOG_LEVELS } from './output/log.js';
import { parseDuration } from './input/duration.js';
import { parseSize } from './input/size.js';
import {
  repeatable,
  type OptionDeclarations,
  type OptionValues,
  parseFlag,
  UnknownNameError,
} from './flags.js';

/** The options of every command. Help shows them after those of the command. */
export const GLOBAL_OPTIONS = {
  insecure: {
    type: 'boolean',
    describe: 'Allow plain HTTP and unverified TLS',
  },
  store: { type: 'string', value: 'DIR', describe: 'Directory for drafts' },
  'no-cache': { type: 'boolean', describe: 'Neither use nor fill the cache' },
  json: { type: 'boolean', describe: 'Print the result as one JSON document' },
  quiet: {
    alias: 'q',
    type: 'boolean',
    describe: 'No progress and warnings; only digests and names',
  },
  progress: {
    choices: ['auto', 'plain', 'none'],
    describe: 'Progress on stderr',
    default: 'auto',
  },
  concurrency: { type: 'number', describe: 'Most parallel requests and transfers', default: 8 },
  timeout: { type: 'string', value: 'DURATION', describe: 'Fail after this time' },
  retries: {
    type: 'number',
    defaultDescription: '4',
    describe: 'Most retries of a failed request',
  },
  'retry-for': {
    type: 'string',
    value: 'DURATION',
    describe: 'Retry a failed request for at most this time',
  },
  limit: repeatable('Raise or lower requests, metadata or entries', 'NAME=VALUE'),
  stats: { type: 'boolean', describe: 'Print requests, bytes, mounts and retries' },
  debug: { type: 'boolean', describe: 'Log all requests on stderr, without secrets' },
  'log-level': {
    choices: LOG_LEVELS,
    defaultDescription: 'info',
    describe: 'Least important lines on stderr',
  },
  'log-format': { choices: ['text', 'json'], default: 'text', describe: 'Format of the lines on stderr' },
  username: { type: 'string', value: 'USER', describe: 'User for the registry, with --password-stdin' },
  'password-stdin': { type: 'boolean', describe: 'Read its password from standard input' },
  'registry-token': { type: 'string', value: 'TOKEN', describe: 'Bearer token for the registry' },
  creds: {
    type: 'string',
    value: 'USER:PASSWORD',
    describe: 'Login; visible to other users of this machine',
  },
  authfile: { type: 'string', value: 'FILE', describe: 'File with logins; replaces REGISTRY_AUTH_FILE' },
  'tls-verify': { type: 'boolean', describe: 'false: as --insecure; true: HTTPS for localhost' },
  cacert: {
    type: 'string',
    value: 'FILE',
    describe: 'PEM file of further certificate authorities',
  },
  cert: { type: 'string', value: 'FILE', describe: 'PEM file of a client certificate' },
  key: { type: 'string', value: 'FILE', describe: 'PEM file of the private key of --cert' },
} as const satisfies OptionDeclarations;

export type GlobalOptions = OptionValues<typeof GLOBAL_OPTIONS>;

/** All flags that may be given before or after the name of a command. */
export const GLOBAL_FLAGS = {
  ...GLOBAL_OPTIONS,
  help: { alias: 'h', type: 'boolean', describe: 'Show this help' },
  version: { type: 'boolean', describe: 'Show the version' },
} as const satisfies OptionDeclarations;

const NON_EMPTY: ReadonlySet<string> = new Set([
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
  'from-metadata',
]);
const UNSET = { hint: 'Check whether the variable it comes from is set.' };

/**
 * Returns the global options of a parsed command line.
 * @throws ArgumentError for values that the declarations allow but no command can use
 */
export function globalOptions(args: Readonly<Record<string, unknown>>): GlobalOptions {
  const options = args as GlobalOptions;
  for (const [name, value] of Object.entries(args)) checkOption(name, value);
  if (options.insecure !== undefined && options.insecure === options['tls-verify']) {
    throw new ArgumentError('--insecure and --tls-verify contradict each other');
  }
  if ((options.cert === undefined) !== (options.key === undefined)) {
    throw new ArgumentError('--cert and --key need each other');
  }
  return options;
}

/** Checks the value of one option. @throws ArgumentError as {@link globalOptions} */
export function checkOption(name: string, value: unknown): void {
  if (name === 'store' && value === '') throw new ArgumentError('--store takes a directory, not ""', UNSET);
  if (NON_EMPTY.has(name) && [value].flat().includes(''))
    throw new ArgumentError(`--${name} is empty`, UNSET);
  if (name === 'concurrency' && value === 0) {
    throw new ArgumentError('--concurrency takes a whole number of at least 1, not 0');
  }
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
      throw new UnknownNameError(`--limit takes NAME=VALUE, not ${JSON.stringify(text)}`, {
        given: name,
        names: LIMIT_NAMES,
        prefix: '--limit ',
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
