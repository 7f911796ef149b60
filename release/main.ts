import { ReleaseError } from './release-error.js';

/** Runs a program of this folder: prints an error as `error: …` and `hint: …`, and exits with 1 then. */
export async function runMain(main: (args: readonly string[]) => Promise<void>): Promise<void> {
  // The same modes in archives for every user.
  process.umask(0o022);
  try {
    await main(process.argv.slice(2));
  } catch (error) {
    process.exitCode = 1;
    if (!(error instanceof ReleaseError)) throw error;
    console.error(`error: ${error.message}`);
    if (error.hint !== undefined) console.error(`hint: ${error.hint}`);
  }
}
