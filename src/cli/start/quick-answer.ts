import { VERSION } from '../../version.js';
import { EXIT } from '../exit-code.js';
import { guardOutput, type Terminal } from '../output/terminal.js';

/** The name of the executable that docker runs for `docker multiarch`. */
export const PLUGIN_PROGRAM = 'docker-multiarch';
/** The argument with which docker asks a plugin for its metadata. */
export const METADATA_COMMAND = 'docker-cli-plugin-metadata';
/** The vendor in the metadata. */
export const VENDOR = 'multiarch';

/**
 * Answers the calls that other programs make often: `--version` by build scripts, and the metadata of a CLI plugin by docker
 * on every run. They load no other code of the command.
 * @returns the exit code; `undefined` for all other calls
 */
export function answerQuickly(
  argv: readonly string[],
  terminal: Terminal,
  program: string,
): Promise<number> | undefined {
  const text = quickText(argv, program);
  if (text === undefined) return undefined;
  const finish = guardOutput(terminal);
  terminal.stdout.write(`${text}\n`);
  return finish(EXIT.done);
}

function quickText(argv: readonly string[], program: string): string | undefined {
  if (argv.length === 1 && argv[0] === '--version') return `multiarch ${VERSION}`;
  if (program !== PLUGIN_PROGRAM || argv[0] !== METADATA_COMMAND) return undefined;
  return JSON.stringify({
    SchemaVersion: '0.1.0',
    Vendor: VENDOR,
    Version: VERSION,
    ShortDescription: 'Assemble, check and publish multi-arch images',
    URL: 'https://github.com/multiarch-cli/multiarch',
  });
}
