import type { OptionDeclarations } from '../global-options.js';
import type { InferredOptionTypes, Options, PositionalOptions } from 'yargs';

import type { Multiarch } from '../../client/multiarch.js';
import type { GlobalOptions } from '../global-options.js';
import type { Output } from '../output/output.js';

/** What a command works with. */
export interface CommandContext {
  readonly client: Multiarch;
  readonly options: GlobalOptions;
  readonly output: Output;
  readonly signal: AbortSignal;
  readonly stdin: NodeJS.ReadableStream;
  readonly env: NodeJS.ProcessEnv;
}

/** The values that yargs gives for declared options. */
export type OptionValues<Declared extends OptionDeclarations> = Readonly<InferredOptionTypes<Declared>>;

/** A command's own words: what it declares, and what it does with them. */
export interface Command<Arguments> {
  /** By their names in the command's usage, in lower case. */
  readonly positionals: Readonly<Record<string, PositionalOptions & Pick<Options, 'defaultDescription'>>>;
  readonly options: OptionDeclarations;
  /** `--username` and `--password-stdin` are its own, and not the login of a registry that it works with. @default false */
  readonly takesLogin?: boolean;
  /** @returns the exit code where it is not 0 */
  run(args: Arguments, context: CommandContext): Promise<number | void>;
}

/** A command whose own words are known to itself alone; they have been checked against its declaration when `run` gets them. */
export type AnyCommand = Command<unknown>;
