import { VERSION } from '../version.js';
import { guardOutput } from './output/guard-output.js';
import type { Terminal } from './output/terminal.js';

/**
 * Runs one command line to its end. Errors go to stderr as text, and what they mean comes back as the exit code.
 * @param argv the words after the program's name
 * @param program the name that it was called by: as `docker-multiarch` it is a plugin of docker
 * @returns the exit code
 */
export async function main(
  argv: readonly string[],
  terminal: Terminal = process,
  program = 'multiarch',
): Promise<number> {
  const outcome = guardOutput(terminal);
  // Answered here, since build scripts ask for it often and yargs alone would double the time it takes.
  if (argv.length === 1 && argv[0] === '--version') {
    terminal.stdout.write(`multiarch ${VERSION}\n`);
    return outcome(0);
  }
  const { runProgram } = await import('./run-program.js');
  return outcome(await runProgram(argv, terminal, program));
}
