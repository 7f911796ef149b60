// One run goes through start.ts, main.ts, docker-plugin.ts (if docker started it), command-line.ts, run-command.ts and a command.
import type { Call } from './commands/command.js';
import { isCompletion } from './complete/request.js';
import { exitCodeOf } from './exit-code.js';
import { asksForJson } from './flags.js';
import { annotation, errorStyle, errorStyleOf, writeRecord, type LogOptions } from './output/log.js';
import { JsonResult } from './output/json-result.js';
import { guardOutput, type Terminal } from './output/terminal.js';
import { answerQuickly, PLUGIN_PROGRAM } from './start/quick-answer.js';

/**
 * Runs one command line. Errors become text on stderr, an exit code and, with `--json`, a result on stdout.
 * @param argv the arguments after the name of the program
 * @param program the name of the executable; `docker-multiarch` is a docker CLI plugin
 * @returns the exit code
 */
export async function main(
  argv: readonly string[],
  terminal: Terminal = process,
  program = 'multiarch',
): Promise<number> {
  const answered = answerQuickly(argv, terminal, program);
  if (answered !== undefined) return answered;
  const finish = guardOutput(terminal);
  return finish(await runToExitCode(argv, terminal, program));
}

async function runToExitCode(argv: readonly string[], terminal: Terminal, program: string): Promise<number> {
  const result = new JsonResult(!isCompletion(argv[0]) && asksForJson(argv));
  let style = errorStyleOf(argv, terminal.env);
  const call = { result, onOptions: (options: LogOptions) => (style = errorStyle(options, terminal.env)) };
  const code = await (
    program === PLUGIN_PROGRAM ? runPlugin(argv, terminal, call) : runProgram(argv, terminal, call)
  ).catch(async (error: unknown) => {
    const { errorText, errorRecord } = await import('./output/error-text.js');
    const { isDebug } = style;
    if (style.format === 'json') {
      writeRecord(terminal.stderr, errorRecord(error, isDebug), 'json');
    } else {
      const text = errorText(error, isDebug);
      const line = style.format === 'github' ? annotation('error', text.replace(/^error: /, '')) : text;
      terminal.stderr.write(`${line}\n`);
    }
    result.fail(error);
    return exitCodeOf(error);
  });
  result.print(terminal.stdout);
  return code;
}

async function runProgram(
  argv: readonly string[],
  terminal: Terminal,
  call: Omit<Call, 'program'>,
  usageName = 'multiarch',
): Promise<number> {
  const { runCommandLine } = await import('./command-line.js');
  return runCommandLine(argv, terminal, { program: usageName, ...call });
}

async function runPlugin(
  argv: readonly string[],
  terminal: Terminal,
  options: Omit<Call, 'program'>,
): Promise<number> {
  const { readPluginCall } = await import('./docker-plugin.js');
  const call = readPluginCall(argv, terminal.env);
  const { stdout, stderr, stdin } = terminal;
  return runProgram(call.argv, { stdout, stderr, stdin, env: call.env }, options, 'docker multiarch');
}
