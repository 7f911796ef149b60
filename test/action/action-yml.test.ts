import { describe, expect, it } from 'vitest';

import { createCall } from '../../action/arguments.js';
import { Inputs } from '../../action/inputs.js';
import { page, sections } from '../docs/markdown.js';
import { readAction } from '../support/github-runner.js';

const [action, setup] = await Promise.all([readAction('action.yml'), readAction('setup/action.yml')]);

describe('action/action.yml', () => {
  it('has exactly the inputs that the action reads', () => {
    const names = new Set<string>();
    const values: Record<string, string> = { INPUT_PUSH: 'true', 'INPUT_DRY-RUN': 'false' };
    const env = new Proxy(values, {
      get: (target, name) => {
        names.add(
          String(name)
            .replace(/^INPUT_/, '')
            .toLowerCase(),
        );
        return target[String(name)];
      },
    });
    createCall(new Inputs(env));
    // The entry point reads it.
    names.add('version');
    expect(Object.keys(action.inputs).toSorted()).toEqual([...names].toSorted());
  });

  it('publishes by default', () => {
    const defaults = Object.entries(action.inputs).flatMap(([name, input]) =>
      input.default === undefined ? [] : [[name, input.default]],
    );
    expect(Object.fromEntries(defaults)).toEqual({ push: 'true', 'dry-run': 'false' });
  });
});

it('the actions describe each input and output, and run a file that the build writes', () => {
  expect([action.runs, setup.runs]).toEqual([
    { using: 'node24', main: '../dist/action.cjs' },
    { using: 'node24', main: '../../dist/setup.cjs' },
  ]);
  for (const { inputs, outputs } of [action, setup]) {
    for (const { description } of [...Object.values(inputs), ...Object.values(outputs)]) {
      expect(description.length).toBeGreaterThan(15);
    }
  }
});

it('action/README.md lists the inputs and outputs', () => {
  const parts = sections(page('action/README.md').text, 2);
  const listed = (title: string): string[] =>
    [...(parts.find((part) => part.title === title)?.text ?? '').matchAll(/^\| `([^`]+)`/gm)].map(
      ([, name = '']) => name,
    );
  expect([listed('Inputs'), listed('Outputs')]).toEqual([
    Object.keys(action.inputs),
    Object.keys(action.outputs),
  ]);
});
