import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it, vi } from 'vitest';
import { parseAllDocuments } from 'yaml';

import { amd64, arm64 } from '../support/images.js';
import { describeIntegration } from '../support/integration.js';
import { jobScripts } from './examples.js';
import { root } from './markdown.js';
import { forJob, JOBS, type Job } from './scenes.js';

type Values = Readonly<Record<string, string>>;

interface Parameter {
  readonly description: string;
  readonly default?: string;
}

/** A template for jobs of a CI system. Its script gets the parameters as variables. */
interface Template {
  readonly text: string;
  /** Matches where a parameter is filled in. */
  readonly reference: RegExp;
  readonly parameters: Readonly<Record<string, Parameter>>;
  /** The variables of the script, not yet filled in. */
  readonly variables: Values;
}

function read(name: string): { readonly text: string; readonly documents: unknown[] } {
  const text = readFileSync(`${root}examples/ci/${name}`, 'utf8');
  const parsed = parseAllDocuments(text);
  expect(parsed.flatMap(({ errors, warnings }) => [...errors, ...warnings])).toEqual([]);
  return { text, documents: parsed.map((document) => document.toJS() as unknown) };
}

function gitlab(): Template {
  const { text, documents } = read('gitlab-component.yml');
  const [head, jobs] = documents as [
    { spec: { inputs: Template['parameters'] } },
    Record<string, { variables: Values }>,
  ];
  const [{ variables } = { variables: {} }] = Object.values(jobs);
  return { text, reference: /\$\[\[ inputs\.([\w-]+) \]\]/g, parameters: head.spec.inputs, variables };
}

function circleci(): Template {
  const { text, documents } = read('circleci-orb.yml');
  const [{ commands }] = documents as [
    {
      commands: Record<
        'create',
        { parameters: Template['parameters']; steps: readonly [{ run: { environment: Values } }] }
      >;
    },
  ];
  const { parameters, steps } = commands.create;
  return {
    text,
    reference: /<< parameters\.([\w-]+) >>/g,
    parameters,
    variables: steps[0].run.environment,
  };
}

/** The variables with parameters, by default those of the template. */
function filled({ reference, parameters, variables }: Template, given: Values): Values {
  const defaults = Object.entries(parameters).map(([name, { default: value = '' }]) => [name, value]);
  const values = { ...Object.fromEntries(defaults), ...given } as Values;
  return Object.fromEntries(
    Object.entries(variables).map(([name, value]) => [
      name,
      value.replaceAll(reference, (_, parameter: string) => values[parameter] ?? ''),
    ]),
  );
}

const TEMPLATES: readonly (readonly [name: string, open: () => Template, job: Job | undefined])[] = [
  ['gitlab-component.yml', gitlab, JOBS['gitlab']],
  ['circleci-orb.yml', circleci, JOBS['circleci']],
];
const TARGET = 'registry.example.com/team/app:cafe';

describe.each(TEMPLATES)('examples/ci/%s', (_, open) => {
  it('describes and uses each parameter, and none in a script', () => {
    const { text, reference, parameters } = open();
    const used = new Set([...text.matchAll(reference)].map(([, name]) => name));
    expect(Object.keys(parameters).filter((name) => !used.has(name))).toEqual([]);
    for (const { description } of Object.values(parameters)) expect(description).toMatch(/^[A-Z]/);
    const scripts = jobScripts(text);
    expect(scripts).toHaveLength(1);
    expect(scripts.join('\n')).not.toMatch(reference);
  });
});

describeIntegration('the templates for CI systems', ['bash'], () => {
  vi.setConfig({ testTimeout: 120_000 });

  it.each(TEMPLATES)('%s publishes the index, and reads no value as a command', async (_, open, job) => {
    if (job === undefined) throw new Error('no job');
    const template = open();
    const session = await forJob(job);
    const run = (given: Values): Promise<string> => {
      const variables = filled(template, { target: TARGET, require: 'linux/amd64,linux/arm64', ...given });
      for (const [name, value] of Object.entries(variables)) session.setVariable(name, value);
      return session.runScript(jobScripts(template.text).join('\n'));
    };
    try {
      const hostile = '$(touch${IFS}evil);touch${IFS}evil --insecure *';
      const parameters = ['target', 'tags', 'metadata', 'require', 'attestations'];
      const all = Object.fromEntries(parameters.map((name) => [name, hostile]));
      await expect(run(all)).rejects.toThrow('the script ended with');
      expect(existsSync(join(session.directory, 'evil'))).toBe(false);
      expect(session.registry.manifest('team/app', 'cafe')).toBeUndefined();

      await run({ tags: '1.2 latest' });
      const digests = ['cafe', '1.2', 'latest'].map(
        (tag) => session.registry.manifest('team/app', tag)?.digest,
      );
      expect(digests[0]).toMatch(/^sha256:/);
      expect(new Set(digests).size).toBe(1);
    } finally {
      await session.stop();
    }
  });

  it('tekton-task.yaml publishes the index, and has no shell', async () => {
    const { text, documents } = read('tekton-task.yaml');
    const [{ spec }] = documents as [
      {
        spec: {
          params: readonly (Parameter & { name: string; type: string })[];
          steps: readonly [
            { command: string[]; args: string[]; env: { name: string; value: string }[]; script?: string },
          ];
        };
      },
    ];
    const used = [...text.matchAll(/\$\(params\.(\w+)(?:\[\*\])?\)/g)].map(([, name]) => name);
    expect(spec.params.map(({ name }) => name).toSorted()).toEqual([...new Set(used)].toSorted());
    expect(spec.steps).toHaveLength(1);
    const [{ command, args, env, script }] = spec.steps;
    expect({ command, script }).toEqual({ command: ['/usr/bin/multiarch'], script: undefined });

    const single: Values = {
      'params.target': TARGET,
      'params.require': 'linux/amd64,linux/arm64',
      'params.attestations': 'keep',
      'results.digest.path': 'digest',
    };
    const several: Readonly<Record<string, readonly string[]>> = {
      'params.flags': ['--tag=latest'],
      'params.sources': [amd64.manifest.digest, arm64.manifest.digest],
    };
    const fill = (value: string): string =>
      value.replaceAll(/\$\(([\w.]+)\)/g, (_, name: string) => single[name] ?? '');
    const argv = args.flatMap((arg) => several[/^\$\(([\w.]+)\[\*\]\)$/.exec(arg)?.[1] ?? ''] ?? [fill(arg)]);
    const session = await forJob({
      host: 'registry.example.com',
      path: 'team/app',
      savedLogin: true,
      env: {},
    });
    try {
      const { code, stderr } = await session.multiarch(argv);
      expect(code, stderr).toBe(0);
      const digest = session.registry.manifest('team/app', 'cafe')?.digest;
      expect(readFileSync(join(session.directory, 'digest'), 'utf8')).toBe(digest);
      expect(session.registry.manifest('team/app', 'latest')?.digest).toBe(digest);
      const options = env.filter(({ name }) => name.startsWith('MULTIARCH_'));
      expect(options.map(({ value }) => fill(value))).toEqual(['linux/amd64,linux/arm64', 'keep']);
    } finally {
      await session.stop();
    }
  });
});
