import { readdirSync, readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';

import { describeIntegration } from '../support/integration.js';
import { jobScripts, problemsOf, runProgram } from './examples.js';
import { blocksOf, pages, root, type Block } from './markdown.js';
import { runAction } from './run-action.js';
import { JOBS, scenes } from './scenes.js';
import { commandsOf, type Session } from './session.js';

/** A block and the directive of its page. */
interface Step {
  readonly block: Block;
  /**
   * `run` commands or a program, `save` a file, run the `script`s or the `action` of a job, or compare the `output` of a program.
   */
  readonly action: 'run' | 'save' | 'script' | 'action' | 'output';
  readonly scene: string;
  readonly file: string | undefined;
}

const blocks = pages().flatMap(blocksOf);
const steps = blocks.flatMap(stepOf);

function stepOf(block: Block): Step[] {
  const match = /^(run|save|script|action|output): ([\w-]+)(?: (\S+))?$/.exec(block.directive ?? '');
  if (match === null) return [];
  const [, action, scene = '', file] = match;
  return [{ block, action: action as Step['action'], scene, file }];
}

/** The output of the last program, by scene. */
const printed = new Map<string, string>();

async function perform({ block, action, scene, file = '' }: Step, session: Session): Promise<void> {
  const { code, language } = block;
  if (action === 'save') await session.save(file, code);
  else if (action === 'output') expect(printed.get(scene)).toBe(`${code}\n`);
  else if (action === 'script') await session.runScript(jobScripts(code).join('\n'));
  else if (action === 'action') await runAction(code, session);
  else if (language === 'ts') printed.set(scene, await runProgram(code, session));
  else await runCommands(block, session);
}

async function runCommands({ code }: Block, session: Session): Promise<void> {
  const commands = commandsOf(code);
  const outputs = await session.run(commands.map(({ command }) => command));
  const actual = commands.map(({ command }, position) => ({ command, expected: outputs[position] ?? [] }));
  expect(actual).toEqual(commands);
}

/** The repositories of the joining jobs, by scene. */
const JOB_REPOSITORIES: Readonly<Record<string, string>> = {
  github: 'your-org/app',
  ...Object.fromEntries(Object.entries(JOBS).map(([scene, { path }]) => [scene, path])),
};

function expectReleased({ registry }: Session, repository: string): void {
  const published = registry.manifest(repository, 'cafe');
  expect(published?.mediaType).toMatch(/index|manifest\.list/);
  expect(registry.manifest(repository, 'latest')?.digest).toBe(published?.digest);
}

describe('the examples of the documentation', () => {
  it('are all run if they show output', () => {
    const loose = blocks.filter(
      (block) => (block.language === 'console' || block.language === 'ts') && stepOf(block).length === 0,
    );
    expect(loose.map(({ page, line }) => `${page}:${line}`)).toEqual([]);
  });

  it('have valid YAML', () => {
    const problems = blocks
      .filter(({ language }) => language === 'yaml')
      .flatMap(({ page, line, code }) =>
        parseAllDocuments(code).flatMap(({ errors }) =>
          errors.map(({ message }) => `${page}:${line}: ${message}`),
        ),
      );
    expect(problems).toEqual([]);
  });

  it('have valid types', { timeout: 120_000 }, async () => {
    const programs = blocks.filter(({ language }) => language === 'ts');
    const named = programs.map(({ page, line, code }) => [`${page.replaceAll('/', '.')}-${line}.ts`, code]);
    expect(named).not.toEqual([]);
    const files = readdirSync(`${root}examples`).filter((name) => name.endsWith('.ts'));
    const examples = files.map((name) => [name, readFileSync(`${root}examples/${name}`, 'utf8')]);
    expect(await problemsOf(Object.fromEntries([...named, ...examples]))).toBe('');
  });

  it('use every scene', () => {
    expect([...new Set(steps.map(({ scene }) => scene))].sort()).toEqual(Object.keys(scenes).sort());
  });
});

describeIntegration('the examples print the output that the page states', ['bash'], () => {
  it.each(Object.entries(scenes))('%s', { timeout: 120_000 }, async (scene, open) => {
    const session = await open();
    try {
      for (const step of steps.filter((each) => each.scene === scene)) await perform(step, session);
      const repository = JOB_REPOSITORIES[scene];
      if (repository !== undefined) expectReleased(session, repository);
    } finally {
      await session.stop();
    }
  });
});
