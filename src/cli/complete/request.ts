/** The names of the hidden command that shells and docker call: with and without descriptions, as in cobra. */
const NAMES: ReadonlySet<string | undefined> = new Set(['__complete', '__completeNoDesc']);

/** Reports whether a command is the hidden one that completes command lines. */
export function isCompletion(command: string | undefined): command is string {
  return NAMES.has(command);
}
