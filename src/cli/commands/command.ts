import type { Multiarch } from '../../client/multiarch.js';
import type { OptionDeclarations, ParsedArgv } from '../flags.js';
import type { GlobalOptions } from '../global-options.js';
import type { JsonResult } from '../output/json-result.js';
import type { LogOptions } from '../output/log.js';
import type { Output } from '../output/output.js';
import type { Terminal } from '../output/terminal.js';
import type { Settings } from '../settings/settings.js';

/** The context of a command: the client, the global options and the streams. */
export interface CommandContext {
  readonly client: Multiarch;
  readonly options: GlobalOptions;
  readonly output: Output;
  readonly signal: AbortSignal;
  readonly stdin: NodeJS.ReadableStream;
  readonly env: NodeJS.ProcessEnv;
  readonly terminal: Terminal;
  /** The name of the program in usage texts: `multiarch`, or `docker multiarch`. */
  readonly program: string;
  /** Where the options come from. */
  readonly settings: Settings;
}

/** What belongs to one call besides its command line. */
export interface Call {
  /** The name of the program in usage texts: `multiarch`, or `docker multiarch`. */
  readonly program: string;
  /** Takes the result of a call with `--json`. */
  readonly result: JsonResult;
  /** Takes the options of the call once they are known. They decide how its error is written. */
  readonly onOptions: (options: LogOptions) => void;
}

/** The names of images in a call. */
export interface NamedImages {
  readonly targets: readonly string[];
  readonly sources: readonly string[];
}

/** A command: its declared arguments, and its action. */
export interface Command<Arguments> {
  /** The descriptions of the names in `CommandEntry.synopsis`, by these names in lower case. */
  readonly positionals: Readonly<Record<string, string>>;
  readonly options: OptionDeclarations;
  /**
   * The names of the options that `--help` shows, in this order, where all would not fit a screen. `help COMMAND` and the
   * man page show all. @default all
   */
  readonly common?: readonly string[];
  /** At most three command lines for help, without the name of the program. */
  readonly examples?: readonly string[];
  /**
   * Whether `--username` and `--password-stdin` are its own options, not credentials for the registry it accesses.
   * @default false
   */
  readonly takesLogin?: boolean;
  /** Whether it runs without the configuration file and variables, and so with a mistake in them. @default false */
  readonly ignoresSettings?: boolean;
  /** Rewrites a command line in another form that the command accepts. */
  arrange?(parsed: ParsedArgv): ParsedArgv;
  /** Returns the names of the images that logins in flags may be for. @default the positionals, as targets */
  names?(
    args: Arguments,
    context: Pick<CommandContext, 'signal' | 'stdin' | 'env'>,
  ): NamedImages | Promise<NamedImages>;
  /** @returns the exit code, by default 0 */
  run(args: Arguments, context: CommandContext): Promise<number | void>;
}

/** A command whose types of arguments are unknown. Its arguments are checked against its declarations before it runs. */
export type AnyCommand = Command<unknown>;
