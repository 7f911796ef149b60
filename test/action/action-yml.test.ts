import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

import { createCall } from '../../action/arguments.js';
import { Inputs } from '../../action/inputs.js';
import { quotesVersion, replaceVersion } from '../../release/version.js';
import { VERSION } from '../../src/version.js';
import { blocksOf, page, sections } from '../docs/markdown.js';
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

it('the examples name existing inputs', () => {
  const [step] = blocksOf(page('action/README.md')).flatMap(
    ({ code }) => parse(code) as readonly { readonly with: object }[],
  );
  const names = Object.keys(step?.with ?? {});
  expect(names.length).toBeGreaterThan(2);
  expect(names.filter((name) => !Object.hasOwn(action.inputs, name))).toEqual([]);
});

it.each([
  'action/README.md',
  'docs/ci/github-actions.md',
  'examples/join-tags.yml',
  'examples/ci/gitlab-component.yml',
])('%s names this version, which the release raises', (path) => {
  const quoted = [...page(path).text.matchAll(/multiarch(?:\/action(?:\/setup)?@action-v|@)(\d\S*)/g)];
  expect(quoted.length).toBeGreaterThan(0);
  for (const [text, version = ''] of quoted) {
    expect(version).toBe(VERSION);
    expect(replaceVersion(text, VERSION, '9.8.7')).toBe(text.replace(VERSION, '9.8.7'));
  }
  expect(quotesVersion(path)).toBe(true);
});
