import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { transform } from 'esbuild';
import { describe, expect, it } from 'vitest';

import { describeIntegration } from '../support/integration.js';
import { run } from '../support/run.js';
import { blocksOf, pages, root, type Block } from './markdown.js';
import { scenes } from './scenes.js';
import { commandsOf, type Session } from './session.js';

/** A block with what its page says to do with it. */
interface Step {
  readonly block: Block;
  /** `run` a block of commands or a program, `save` it as a file, run the `script`s of a job, or compare the program's `output`. */
  readonly action: 'run' | 'save' | 'script' | 'output';
  readonly scene: string;
  readonly file: string | undefined;
}

const blocks = pages().flatMap(blocksOf);
const steps = blocks.flatMap(stepOf);

function stepOf(block: Block): Step[] {
  const match = /^(run|save|script|output): ([\w-]+)(?: (\S+))?$/.exec(block.directive ?? '');
  if (match === null) return [];
  const [, action, scene = '', file] = match;
  return [{ block, action: action as Step['action'], scene, file }];
}

/** What the last program printed, by scene. */
const printed = new Map<string, string>();

async function perform({ block, action, scene, file = '' }: Step, session: Session): Promise<void> {
  const { code, language } = block;
  if (action === 'save') await session.save(file, code);
  else if (action === 'output') expect(printed.get(scene)).toBe(`${code}\n`);
  else if (action === 'script') await session.runScript(jobScripts(code).join('\n'));
  else if (language === 'ts') printed.set(scene, await runProgram(code, session));
  else await runCommands(block, session);
}

async function runCommands({ code }: Block, session: Session): Promise<void> {
  const commands = commandsOf(code);
  const outputs = await session.run(commands.map(({ command }) => command));
  const actual = commands.map(({ command }, position) => ({ command, expected: outputs[position] ?? [] }));
  expect(actual).toEqual(commands);
}

/** The scripts of a job that call multiarch: the blocks after `run: |` and `- |`, and what stands on one line. */
function jobScripts(yaml: string): string[] {
  const scripts: string[] = [];
  const lines = yaml.split('\n');
  for (const [at, line] of lines.entries()) {
    if (!/(?:run:|-) \|$/.test(line)) continue;
    const indent = /^ */.exec(lines[at + 1] ?? '')?.[0] ?? '';
    const rest = lines.slice(at + 1);
    const end = rest.findIndex((each) => each !== '' && !each.startsWith(indent));
    const script = (end < 0 ? rest : rest.slice(0, end)).map((each) => each.slice(indent.length));
    scripts.push(script.join('\n'));
  }
  return scripts;
}

/** Compiles a program as a user of the package would, and runs it against the built one. */
async function runProgram(code: string, session: Session): Promise<string> {
  await session.save('program.ts', code);
  await writeFile(
    join(session.directory, 'tsconfig.json'),
    JSON.stringify({
      extends: join(root, 'tsconfig.json'),
      compilerOptions: {
        paths: { multiarch: [join(root, 'src/index.ts')] },
        typeRoots: [join(root, 'node_modules/@types')],
      },
      include: ['program.ts'],
    }),
  );
  await writeFile(join(session.directory, 'package.json'), JSON.stringify({ type: 'module' }));
  const compiler = join(root, 'node_modules/.bin/tsc');
  const { stdout: problems } = await run(compiler, ['-p', '.', '--pretty', 'false'], {
    cwd: session.directory,
  });
  // What is wrong in the library itself is for its own check.
  expect(problems.split('\n').filter((line) => line.startsWith('program.ts'))).toEqual([]);

  const compiled = await transform(code, { loader: 'ts', format: 'esm' });
  await session.save('program.js', compiled.code);
  await session.runScript('mkdir -p node_modules');
  await symlink(root, join(session.directory, 'node_modules', 'multiarch'));
  return session.runScript(`'${process.execPath}' program.js`);
}

describe('the examples of the documentation', () => {
  it('are run, all that show what the tool prints', () => {
    const loose = blocks.filter(
      (block) => (block.language === 'console' || block.language === 'ts') && stepOf(block).length === 0,
    );
    expect(loose.map(({ page, line }) => `${page}:${line}`)).toEqual([]);
  });

  it('use the scenes that there are, all of them', () => {
    expect([...new Set(steps.map(({ scene }) => scene))].sort()).toEqual(Object.keys(scenes).sort());
  });
});

describeIntegration('the examples work, and print what the page says', ['bash'], () => {
  it.each(Object.entries(scenes))('%s', async (scene, open) => {
    const session = await open();
    try {
      for (const step of steps.filter((each) => each.scene === scene)) await perform(step, session);
    } finally {
      await session.stop();
    }
  });

  it.each([
    ['github', 'your-org/app'],
    ['gitlab', 'team/app'],
  ])('the job of %s publishes an index under both tags', async (scene, repository) => {
    const session = await scenes[scene]?.();
    if (session === undefined) throw new Error(`no scene ${scene}`);
    try {
      for (const step of steps.filter((each) => each.scene === scene)) await perform(step, session);
      const published = session.registry.manifest(repository, 'cafe');
      expect(published?.mediaType).toBe('application/vnd.oci.image.index.v1+json');
      expect(session.registry.manifest(repository, 'latest')?.digest).toBe(published?.digest);
    } finally {
      await session.stop();
    }
  });
});
