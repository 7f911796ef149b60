import { join } from 'node:path';

import { expect } from 'vitest';
import { parse } from 'yaml';

import { readAction, startStep } from '../support/github-runner.js';
import { run } from '../support/run.js';
import { root } from './markdown.js';
import type { Session } from './session.js';

/** The values of the expressions in workflows. */
const EXPRESSIONS: Readonly<Record<string, (session: Session) => string>> = {
  'github.sha': () => 'cafe',
  'runner.temp': ({ directory }) => directory,
  'steps.meta.outputs.json': () =>
    JSON.stringify({ tags: ['ghcr.io/your-org/app:cafe', 'ghcr.io/your-org/app:latest'], labels: {} }),
};

interface Workflow {
  readonly jobs: Readonly<
    Record<
      string,
      { readonly steps: readonly { readonly uses?: string; readonly with?: Record<string, string> }[] }
    >
  >;
}

/** Runs the GitHub Action with the inputs of a workflow. It must succeed. */
export async function runAction(yaml: string, session: Session): Promise<void> {
  const { jobs } = parse(yaml) as Workflow;
  const [step, ...others] = Object.values(jobs)
    .flatMap(({ steps }) => steps)
    .filter(({ uses }) => uses?.startsWith('multiarch-cli/multiarch/action@') === true);
  expect(others).toEqual([]);
  const action = await readAction('action.yml');
  const inputs = Object.entries(step?.with ?? {}).map(([name, value]) => {
    expect(Object.keys(action.inputs)).toContain(name);
    const filled = value.replaceAll(/\$\{\{ (.*?) \}\}/g, (_, expression: string) => {
      const known = EXPRESSIONS[expression];
      if (known === undefined) throw new Error(`no value for ${expression}`);
      return known(session);
    });
    return [name, session.toReal(filled)];
  });
  const { env } = await startStep(action, Object.fromEntries(inputs) as Record<string, string>);
  const bundle = join(root, 'action', action.runs.main);
  const result = await run(process.execPath, [bundle], { env: { ...session.sandbox.env, ...env } });
  expect(result).toMatchObject({ code: 0 });
}
