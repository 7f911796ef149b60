import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { transform } from 'esbuild';

import { run } from '../support/run.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
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

/** Returns what the compiler reports of programs that use the package, by name. */
export async function problemsOf(programs: Readonly<Record<string, string>>): Promise<string> {
  const directory = await temporaryDirectory();
  const config = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: {
      paths: { multiarch: [join(root, 'dist/index.d.ts')] },
      typeRoots: [join(root, 'node_modules/@types')],
    },
    include: ['*.ts'],
  };
  // Each program is a module.
  const files = { 'package.json': '{"type":"module"}', 'tsconfig.json': JSON.stringify(config), ...programs };
  for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text);
  const compiler = join(root, 'node_modules/.bin/tsc');
  const { stdout } = await run(compiler, ['-p', '.', '--pretty', 'false'], { cwd: directory });
  return stdout;
}

/** Runs a program with the built package, and returns its output. */
export async function runProgram(code: string, session: Session): Promise<string> {
  await writeFile(join(session.directory, 'package.json'), JSON.stringify({ type: 'module' }));
  const compiled = await transform(code, { loader: 'ts', format: 'esm', target: 'node20.19' });
  await session.save('program.js', compiled.code);
  await mkdir(join(session.directory, 'node_modules'), { recursive: true });
  const installed = join(session.directory, 'node_modules', 'multiarch');
  await rm(installed, { force: true });
  await symlink(root, installed);
  return session.runScript(`'${process.execPath}' program.js`);
}
