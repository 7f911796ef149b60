import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';

import { githubOutput } from '../src/cli/output/github-report.js';
import { annotation } from '../src/cli/output/log.js';
import type { Terminal } from '../src/cli/output/terminal.js';
import { ArgumentError, MultiarchError } from '../src/oci/errors.js';

/** The exit code of a step whose inputs are invalid, as of a command line. */
const USAGE = 125;

/** Runs a step of a workflow. Errors become annotations of the run. @returns the exit code */
export async function runStep(
  { stderr }: Pick<Terminal, 'stderr'>,
  work: () => Promise<number>,
): Promise<number> {
  try {
    return await work();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const hint = error instanceof MultiarchError ? error.hint : undefined;
    stderr.write(`${annotation('error', hint === undefined ? message : `${message}\nhint: ${hint}`)}\n`);
    return error instanceof ArgumentError ? USAGE : 1;
  }
}

/** Sets outputs of the step, or variables of the following steps. @param variable `GITHUB_OUTPUT` or `GITHUB_ENV` */
export async function setValues(
  env: NodeJS.ProcessEnv,
  variable: 'GITHUB_OUTPUT' | 'GITHUB_ENV',
  values: Readonly<Record<string, string>>,
): Promise<void> {
  const text = Object.entries(values).map(([name, value]) => githubOutput(name, value));
  await appendFile(runnerFile(env, variable), text.join(''));
}

/** Returns the value of a variable that the runner sets. @throws ArgumentError outside of GitHub Actions */
export function runnerFile(env: NodeJS.ProcessEnv, variable: string): string {
  const value = env[variable] ?? '';
  if (value !== '') return value;
  throw new ArgumentError(`the variable ${variable} is not set`, {
    hint: 'The runner of GitHub Actions sets it.',
  });
}

/**
 * Returns the variable with the directory of drafts: one of this job, unless the workflow names another. A runner of one's own
 * keeps its home directory, where a job would find the drafts of earlier jobs.
 */
export function draftsOfJob({
  MULTIARCH_STORE = '',
  RUNNER_TEMP = '',
}: NodeJS.ProcessEnv): Record<string, string> {
  return MULTIARCH_STORE !== '' || RUNNER_TEMP === ''
    ? {}
    : { MULTIARCH_STORE: join(RUNNER_TEMP, 'multiarch', 'drafts') };
}
