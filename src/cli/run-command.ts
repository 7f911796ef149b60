import { Multiarch } from '../client/multiarch.js';
import { CancelledError, UnavailableError } from '../oci/errors.js';
import { mayColor, type Terminal } from './output/terminal.js';
import type { AnyCommand } from './commands/command.js';
import { givenLogin, takenInput } from './input/login-flags.js';
import { globalOptions } from './global-options.js';
import { Output } from './output/output.js';
import { startProgress } from './progress/progress.js';
import { loginLine, requestLine, waitLine } from './progress/request-line.js';
import { Stats } from './progress/stats.js';
/** In milliseconds: a person who sees nothing for longer thinks that it hangs. */
const LONG_WAIT = 5_000;
/** In milliseconds: a signal that comes so soon after another was not sent by a person who has lost patience. */
const ECHO = 1_000;

/** What yargs gives for a command line. */
export type ParsedArguments = Readonly<Record<string, unknown>>;

/**
 * Runs a command with all that surrounds it: Ctrl-C and the time limit, progress, the request log, the counts.
 * @returns the exit code
 * @throws what the command throws
 */
export async function runCommand(
  command: AnyCommand,
  args: ParsedArguments,
  terminal: Terminal,
): Promise<number> {
  const options = globalOptions(args);
  const interrupt = new AbortController();
  const timer = options.timeout === undefined ? undefined : AbortSignal.timeout(options.timeout);
  const signal = timer === undefined ? interrupt.signal : AbortSignal.any([interrupt.signal, timer]);
  const given =
    command.takesLogin === true
      ? undefined
      : givenLogin(options, wordsOf(command, args), { signal, stdin: terminal.stdin });
  const progress = startProgress(options, terminal);
  const output = new Output(terminal.stdout, progress, {
    quiet: options.quiet,
    color: mayColor(terminal.stdout, terminal.env),
    ask: (text) => terminal.stderr.write(text),
  });
  if (options.registryToken !== undefined) {
    output.warn('--registry-token can be seen by other users of this machine');
  }
  const stats = new Stats();
  const client = new Multiarch({
    store: options.store,
    insecure: options.insecure,
    concurrency: options.concurrency,
    retries: options.retries,
    env: terminal.env,
    login: given,
    tls: options.tls,
    signal,
    onEvent: (event) => {
      stats.work(event);
      progress.show(event);
      if (event.kind === 'warning') output.warn(event.message);
      if (event.kind === 'login' && options.debug) output.error(loginLine(event));
    },
    onHttpEvent: (event) => {
      stats.http(event);
      if (options.debug && event.kind !== 'bytes') output.error(requestLine(event));
      else if (event.kind === 'retry' && event.waitMilliseconds >= LONG_WAIT) output.warn(waitLine(event));
    },
  });
  const stopListening = onInterrupt(interrupt);
  try {
    const { env } = terminal;
    const stdin = given !== undefined && options.passwordStdin ? takenInput() : terminal.stdin;
    return (await command.run(args, { client, options, output, signal, stdin, env })) ?? 0;
  } catch (error) {
    if (error instanceof CancelledError && timer?.aborted === true && !interrupt.signal.aborted) {
      throw new UnavailableError(`not done within the ${String(args['timeout'])} of --timeout`, {
        hint: 'Give it more time, or see with --debug what it waits for.',
        cause: error,
      });
    }
    throw error;
  } finally {
    progress.stop();
    client.close();
    stopListening();
    if (options.stats) output.error(stats.text());
  }
}

/** The positionals. */
function wordsOf(command: AnyCommand, args: ParsedArguments): readonly string[] {
  return Object.keys(command.positionals)
    .flatMap((name) => args[name])
    .filter((word) => typeof word === 'string');
}

/**
 * The first Ctrl-C cancels the work, which cleans up and ends; a second one ends the process where it stands. What comes
 * within a second is the first one again: `timeout`, npm and others send a signal to the process and to its whole group.
 */
function onInterrupt(controller: AbortController): () => void {
  const signals = ['SIGINT', 'SIGTERM'] as const;
  let echoes: NodeJS.Timeout | undefined;
  const interrupted = (): void => {
    echoes ??= setTimeout(stopListening, ECHO).unref();
    controller.abort();
  };
  const stopListening = (): void => {
    clearTimeout(echoes);
    for (const name of signals) process.off(name, interrupted);
  };
  for (const name of signals) process.on(name, interrupted);
  return stopListening;
}
