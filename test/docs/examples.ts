import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { transform } from 'esbuild';
import { expect } from 'vitest';

import { run } from '../support/run.js';
import { root } from './markdown.js';
import type { Session } from './session.js';

/** The scripts of a CI job: the blocks after `run: |`, `command: |`, `script: |` and `- |`, and those in `'''` of Groovy. */
export function jobScripts(yaml: string): string[] {
  const scripts: string[] = [];
  const lines = yaml.split('\n');
  for (const [at, line] of lines.entries()) {
    if (!/(?:(?:run|command|script):|-) \|$|sh '''$/.test(line)) continue;
    const indent = /^ */.exec(lines[at + 1] ?? '')?.[0] ?? '';
    const rest = lines.slice(at + 1);
    const end = rest.findIndex((each) => each !== '' && !each.startsWith(indent));
    const script = (end < 0 ? rest : rest.slice(0, end)).map((each) => each.slice(indent.length));
    scripts.push(script.join('\n'));
  }
  return scripts;
}

/** Compiles a program as a user of the package would, runs it with the built package, and returns its output. */
export async function runProgram(code: string, session: Session): Promise<string> {
  await session.save('program.ts', code);
  await writeFile(
    join(session.directory, 'tsconfig.json'),
    JSON.stringify({
      extends: join(root, 'tsconfig.json'),
      compilerOptions: {
        paths: { multiarch: [join(root, 'dist/index.d.ts')] },
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
  expect(problems).toBe('');

  const compiled = await transform(code, { loader: 'ts', format: 'esm', target: 'node20.19' });
  await session.save('program.js', compiled.code);
  await mkdir(join(session.directory, 'node_modules'), { recursive: true });
  const installed = join(session.directory, 'node_modules', 'multiarch');
  await rm(installed, { force: true });
  await symlink(root, installed);
  return session.runScript(`'${process.execPath}' program.js`);
}
