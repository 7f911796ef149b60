import { errorText } from './output/error-text.js';
import { EXIT, exitCodeOf } from './exit-code.js';
import type { Terminal } from './output/terminal.js';

/** docker runs what has this name, in one of its directories for plugins, for `docker multiarch`. */
const PLUGIN_PROGRAM = 'docker-multiarch';

/** Runs a command line, whoever called it, and turns errors into text and an exit code. */
export async function runProgram(
  argv: readonly string[],
  terminal: Terminal,
  program: string,
): Promise<number> {
  try {
    return await (program === PLUGIN_PROGRAM ? runPlugin(argv, terminal) : run(argv, terminal, 'multiarch'));
  } catch (error) {
    terminal.stderr.write(`${errorText(error, argv.includes('--debug'))}\n`);
    return exitCodeOf(error);
  }
}

async function run(argv: readonly string[], terminal: Terminal, usageName: string): Promise<number> {
  const { runCommandLine } = await import('./command-line.js');
  return runCommandLine(argv, terminal, usageName);
}

async function runPlugin(argv: readonly string[], terminal: Terminal): Promise<number> {
  const { readPluginCall } = await import('./docker-plugin.js');
  const call = readPluginCall(argv, terminal.env);
  if (call.kind === 'run') {
    const { stdout, stderr, stdin } = terminal;
    return run(call.argv, { stdout, stderr, stdin, env: call.env }, 'docker multiarch');
  }
  terminal.stdout.write(`${call.text}\n`);
  return EXIT.done;
}
