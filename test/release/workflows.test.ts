import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

import { NODE_MAJOR } from '../../release/checks.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const directory = join(root, '.github/workflows');

interface Step {
  readonly id?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
}

interface Job {
  readonly needs?: string | readonly string[];
  readonly permissions?: Readonly<Record<string, string>>;
  readonly outputs?: Readonly<Record<string, string>>;
  readonly 'timeout-minutes'?: number;
  readonly steps: readonly Step[];
}

interface Workflow {
  readonly on: { readonly push?: { readonly tags?: readonly string[] } };
  readonly permissions?: Readonly<Record<string, string>>;
  readonly jobs: Readonly<Record<string, Job>>;
}

const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  readonly scripts: Readonly<Record<string, string>>;
};
const texts = new Map(
  readdirSync(directory).map((name) => [name, readFileSync(join(directory, name), 'utf8')] as const),
);
const workflows = new Map([...texts].map(([name, text]) => [name, parse(text) as Workflow] as const));

const NO_WORKFLOW: Workflow = { on: {}, jobs: {} };

/** The steps of all jobs of a workflow. */
function stepsOf(name: string): readonly Step[] {
  return Object.values(workflows.get(name)?.jobs ?? {}).flatMap(({ steps }) => steps);
}

describe.each([...workflows.keys()])('the workflow %s', (name) => {
  const text = texts.get(name) ?? '';
  const { permissions, jobs } = workflows.get(name) ?? NO_WORKFLOW;

  it('runs scripts that exist', () => {
    const lines = stepsOf(name).map(({ run = '' }) => run);
    const called = lines.flatMap((run) => [...run.matchAll(/npm run (?:--?\S+ )*([^\s-]\S*)/gu)]);
    for (const [, script = ''] of called) expect(scripts).toHaveProperty([script]);
    expect(lines.filter((run) => /\bnpm (?!ci\b|cit\b|run\b|publish\b)/u.test(run))).toEqual([]);
  });

  it('uses actions by the digest of a commit, with the version in a comment', () => {
    const lines = text.split('\n').filter((line) => /^\s*(?:- )?uses:/u.test(line));
    expect(lines).toHaveLength(stepsOf(name).filter(({ uses }) => uses !== undefined).length);
    for (const line of lines) expect(line).toMatch(/uses: actions\/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/u);
  });

  it('has no expressions in shell scripts, whose values could be commands', () => {
    expect(stepsOf(name).filter(({ run = '' }) => run.includes('${{'))).toEqual([]);
  });

  it('has few permissions, a time limit for each job, and references to existing outputs', () => {
    expect([{}, { contents: 'read' }]).toContainEqual(permissions);
    for (const { 'timeout-minutes': minutes } of Object.values(jobs)) expect(minutes).toBeGreaterThan(0);
    for (const [, job = '', output = ''] of text.matchAll(/needs\.(\w+)\.outputs\.([\w-]+)/gu)) {
      expect(jobs[job]?.outputs).toHaveProperty([output]);
    }
    for (const { needs = [] } of Object.values(jobs)) {
      for (const other of [needs].flat()) expect(jobs).toHaveProperty([other]);
    }
  });
});

describe('the release', () => {
  const { on, jobs } = workflows.get('release.yml') ?? NO_WORKFLOW;

  it('is started by tags of versions', () => {
    // The pattern is not a regular expression, but its parts that are not characters mean the same.
    const [pattern = ''] = on.push?.tags ?? [];
    const matches = new RegExp(`^${pattern.replaceAll('.', String.raw`\.`).replace(/\*$/u, '.*')}$`, 'u');
    expect(['v1.2.3', 'v10.20.30', 'v1.2.3-rc.1'].filter((tag) => !matches.test(tag))).toEqual([]);
    expect(['v1', 'v1.2', '1.2.3', 'vacation'].filter((tag) => matches.test(tag))).toEqual([]);
  });

  it('is built with the Node.js that the release command requires, without files of other runs', () => {
    const setups = stepsOf('release.yml').filter(({ uses = '' }) => uses.startsWith('actions/setup-node@'));
    expect(setups.length).toBeGreaterThan(0);
    for (const { with: inputs } of setups) {
      expect(inputs).toMatchObject({ 'node-version': NODE_MAJOR, 'package-manager-cache': false });
    }
  });

  it('gives each job only the permissions of its task', () => {
    const rights = Object.entries(jobs).map(([name, { permissions = {} }]) => [
      name,
      Object.keys(permissions).toSorted(),
    ]);
    expect(Object.fromEntries(rights)).toEqual({
      build: ['contents'],
      macos: [],
      windows: [],
      attest: ['attestations', 'id-token'],
      npm: ['id-token'],
      image: ['attestations', 'id-token', 'packages'],
      github: ['contents'],
    });
    expect(jobs['build']?.permissions).toEqual({ contents: 'read' });
  });

  it('publishes nothing before all files are checked and attested', () => {
    const before = (name: string): ReadonlySet<string> =>
      new Set([jobs[name]?.needs ?? []].flat().flatMap((other) => [other, ...before(other)]));
    for (const name of ['npm', 'image', 'github']) {
      expect([...before(name)]).toEqual(expect.arrayContaining(['build', 'macos', 'windows', 'attest']));
    }
  });

  it('defines the outputs that it uses', () => {
    const channel = readFileSync(join(root, 'release/print-channel.ts'), 'utf8');
    for (const value of Object.values(jobs['build']?.outputs ?? {})) {
      const [, step, output = ''] = /^\$\{\{ steps\.(\w+)\.outputs\.([\w-]+) \}\}$/u.exec(value) ?? [];
      expect(jobs['build']?.steps.map(({ id }) => id)).toContain(step);
      expect(channel).toMatch(new RegExp(`^ +(?:'${output}':|${output},)`, 'mu'));
    }
  });
});
