import { Multiarch } from '../client/multiarch.js';
import { Budget, runLimits, withBudget } from '../content/budget.js';
import { ArgumentError, CancelledError, UnavailableError } from '../oci/errors.js';
import { withFailedTags } from '../oci/failed-tags.js';
import { mayColor, screenOf, type Terminal } from './output/terminal.js';
import type { AnyCommand, Call, NamedImages } from './commands/command.js';
import {
  givenLogins,
  readsPassword,
  takenInput,
  visibleSecrets,
  withAuthFile,
  type LoginFlags,
} from './input/login-flags.js';
import { isTemplate } from './output-format.js';
import { parseSize } from './input/size.js';
import { globalOptions, parseLimits, parseRetryFor, parseTimeout } from './global-options.js';
import { logFilter, logFormat, logLevel } from './output/log.js';
import { Output } from './output/output.js';
import type { Template } from './output/template.js';
import { reuseBuffers } from './reuse-buffers.js';
import { startProgress } from './progress/progress.js';
import { httpRecord, workRecord } from './progress/event-records.js';
import { PendingRequests } from './progress/pending-requests.js';
import { Stats } from './progress/stats.js';
import type { Settings } from './settings/settings.js';

/** In milliseconds: a signal this soon after the first is a duplicate of it, not a second Ctrl-C. */
const DUPLICATE_SIGNAL = 1_000;

/** The arguments of a command. */
export interface CommandInput {
  /** The values of its flags and positionals, by name. */
  readonly args: Readonly<Record<string, unknown>>;
  readonly positionals: readonly string[];
  readonly settings: Settings;
}

/**
 * Runs a command with Ctrl-C handling, the time limit, progress, the request log and statistics.
 * @returns the exit code
 * @throws the errors of the command
 */
export async function runCommand(
  command: AnyCommand,
  { args, positionals, settings }: CommandInput,
  terminal: Terminal,
  { program, result }: Call,
): Promise<number> {
  const template = await templateOf(args);
  // A template selects from the members of --json.
  const options = { ...globalOptions(args), ...(template !== undefined && { json: true }) };
  const budget = new Budget(runLimits(parseLimits(options.limit)));
  const interrupt = new AbortController();
  const { timeout } = options;
  const retryFor = options['retry-for'];
  const timer = timeout === undefined ? undefined : AbortSignal.timeout(parseTimeout(timeout));
  const signal = timer === undefined ? interrupt.signal : AbortSignal.any([interrupt.signal, timer]);
  const input = { signal, stdin: terminal.stdin, env: terminal.env };
  const names = (): NamedImages | Promise<NamedImages> =>
    command.names?.(args, input) ?? { targets: positionals, sources: [] };
  // Checked against the declarations of the options.
  const flags = args as LoginFlags;
  const env = await withAuthFile(options, terminal.env, command.takesLogin !== true);
  const login = command.takesLogin === true ? [] : await givenLogins(flags, names, input);
  const format = logFormat({ ...options, github: args['github'] === true }, terminal.env);
  const progress = startProgress(options, terminal, format);
  const output = new Output(terminal.stdout, progress, {
    result,
    template,
    shows: logFilter(options),
    color: mayColor(terminal.stdout, terminal.env),
    screen: screenOf(terminal),
    ask: (text) => terminal.stderr.write(text),
  });
  for (const name of visibleSecrets(flags)) {
    output.warn(`--${name} is visible to other users of this machine`);
  }
  const isDebug = logLevel(options) === 'debug';
  const stats = new Stats();
  const pending = new PendingRequests();
  let awaited: string | undefined;
  // The requests end because of the signal.
  timer?.addEventListener('abort', () => (awaited = pending.describe()));
  const client = new Multiarch({
    store: options.store,
    cache: options['no-cache'] !== true,
    insecure: options.insecure === true || options['tls-verify'] === false,
    verifyTls: options['tls-verify'],
    concurrency: options.concurrency,
    retries: options.retries,
    retryFor: retryFor === undefined ? undefined : parseRetryFor(retryFor),
    chunkSize: chunkSize(args),
    env,
    login,
    registries: settings.registries,
    tls: { ca: options.cacert, cert: options.cert, key: options.key },
    signal,
    onEvent: (event) => {
      if (event.kind === 'blob-started') reuseBuffers();
      stats.work(event);
      pending.addWork(event);
      progress.show(event);
      const record = workRecord(event, isDebug);
      if (record !== undefined) output.log(record);
    },
    onHttpEvent: (event) => {
      stats.http(event);
      pending.add(event);
      const record = httpRecord(event, isDebug);
      if (record !== undefined) output.log(record);
    },
  });
  const stopListening = onInterrupt(interrupt);
  try {
    const stdin = login.length > 0 && readsPassword(flags) ? takenInput(flags) : terminal.stdin;
    const context = { client, options, output, signal, stdin, env, terminal, program, settings };
    return (await withBudget(budget, () => command.run(args, context))) ?? 0;
  } catch (error) {
    if (error instanceof CancelledError && timer?.aborted === true && !interrupt.signal.aborted) {
      const where = awaited === undefined ? '' : ` while ${awaited}`;
      const timedOut = new UnavailableError(`timed out after ${timeout} (--timeout)${where}`, {
        hint:
          awaited === undefined
            ? 'Raise --timeout, or run with --debug to see what it is waiting for.'
            : `Raise --timeout, or check ${pending.isLocked ? 'the process that holds the lock' : 'the server'}.`,
        cause: error,
      });
      throw withFailedTags(timedOut, error.tags);
    }
    throw error;
  } finally {
    progress.stop();
    await client.close();
    stopListening();
    if (options.stats) output.notice(stats.text(), 'stats');
  }
}

/** Returns the template in `--format`. @throws ArgumentError if it is not valid, or with `--json` */
async function templateOf({ format, json }: CommandInput['args']): Promise<Template | undefined> {
  if (typeof format !== 'string' || !isTemplate(format)) return undefined;
  if (json === true) throw new ArgumentError('a template (--format) and --json exclude each other');
  return (await import('./output/template.js')).parseTemplate(format);
}

/** Returns the value of `--chunk-size`, an option of the commands that upload. @throws ArgumentError */
function chunkSize({ 'chunk-size': text }: CommandInput['args']): number | undefined {
  return typeof text === 'string' ? parseSize('--chunk-size', text) : undefined;
}

/**
 * Aborts the controller on the first Ctrl-C, so that the work cleans up and ends. The second one ends the process at once.
 * SIGTERM and SIGHUP (a terminal that was closed) count as Ctrl-C.
 * A signal within a second counts as the first: `timeout`, npm and others signal both the process and its process group.
 */
function onInterrupt(controller: AbortController): () => void {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  let duplicates: NodeJS.Timeout | undefined;
  const interrupted = (): void => {
    duplicates ??= setTimeout(stopListening, DUPLICATE_SIGNAL).unref();
    controller.abort();
  };
  const stopListening = (): void => {
    clearTimeout(duplicates);
    for (const name of signals) process.off(name, interrupted);
  };
  for (const name of signals) process.on(name, interrupted);
  return stopListening;
}
