// One run goes through start.ts, main.ts, docker-plugin.ts (if docker started it), command-line.ts, run-command.ts and a command.
import { isCompletion } from './complete/request.js';
import { exitCodeOf } from './exit-code.js';
import { asksForJson } from './flags.js';
import { annotation, asksForDebug, requestedLogFormat, writeRecord } from './output/log.js';
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
  const code = await (
    program === PLUGIN_PROGRAM ? runPlugin(argv, terminal, result) : runProgram(argv, terminal, result)
  ).catch(async (error: unknown) => {
    const { errorText, errorRecord } = await import('./output/error-text.js');
    const isDebug = asksForDebug(argv);
    const format = requestedLogFormat(argv, terminal.env);
    if (format === 'json') {
      writeRecord(terminal.stderr, errorRecord(error, isDebug), format);
    } else {
      const text = errorText(error, isDebug);
      const line = format === 'github' ? annotation('error', text.replace(/^error: /, '')) : text;
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
  result: JsonResult,
  usageName = 'multiarch',
): Promise<number> {
  const { runCommandLine } = await import('./command-line.js');
  return runCommandLine(argv, terminal, { program: usageName, result });
}

async function runPlugin(argv: readonly string[], terminal: Terminal, result: JsonResult): Promise<number> {
  const { readPluginCall } = await import('./docker-plugin.js');
  const call = readPluginCall(argv, terminal.env);
  const { stdout, stderr, stdin } = terminal;
  return runProgram(call.argv, { stdout, stderr, stdin, env: call.env }, result, 'docker multiarch');
}
