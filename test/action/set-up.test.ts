import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';

import { describe, expect, it } from 'vitest';

import { programs, setUp } from '../../action/setup/set-up.js';
import { VERSION } from '../../src/version.js';
import { readAction, startStep } from '../support/github-runner.js';
import { mustRun } from '../support/run.js';
import { writeFile } from 'node:fs/promises';

const SETUP = await readAction('setup/action.yml');

async function run(
  inputs: Readonly<Record<string, string>> = {},
  env: Readonly<Record<string, string>> = {},
) {
  const step = await startStep(SETUP, inputs);
  const launcher = join(step.directory, "it's a $launcher.cjs");
  await writeFile(launcher, 'console.log(JSON.stringify(process.argv.slice(2)))');
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const printed = text(stderr);
  const code = await setUp({ stdout, stderr, env: { ...step.env, ...env } }, launcher);
  stderr.end();
  return { code, stderr: await printed, step };
}

describe('the set-up action', () => {
  it('puts a program on the PATH that passes its arguments on, and sets the version', async () => {
    const { code, step } = await run({ version: VERSION });
    expect(code).toBe(0);
    const [directory = '', ...others] = await step.paths();
    expect(others).toEqual([]);
    const output = await mustRun(join(directory, 'multiarch'), ['a b', '$c', '"', '']);
    expect(JSON.parse(output)).toEqual(['a b', '$c', '"', '']);
    expect(await step.outputs()).toEqual({ version: VERSION });
    expect(await step.variables()).toEqual({ MULTIARCH_STORE: join(step.directory, 'multiarch', 'drafts') });
  });

  it('keeps the directory of drafts that the workflow names', async () => {
    const { step } = await run({}, { MULTIARCH_STORE: '/drafts' });
    expect(await step.variables()).toEqual({});
  });

  it('fails for another version, and outside of GitHub Actions, and changes nothing', async () => {
    const wrong = await run({ version: '99' });
    expect(wrong).toMatchObject({ code: 125 });
    expect(wrong.stderr).toMatch(/^::error title=multiarch::the workflow expects multiarch 99/);
    expect(await wrong.step.paths()).toEqual([]);
    expect(await run({}, { RUNNER_TEMP: '' })).toMatchObject({ code: 125 });
  });
});

describe('programs', () => {
  it('are for cmd and for bash on Windows', () => {
    expect(programs(String.raw`C:\run%a\node.exe`, String.raw`D:\b\multiarch.js`, 'win32')).toEqual({
      multiarch: `#!/bin/sh\nexec 'C:/run%a/node.exe' 'D:/b/multiarch.js' "$@"\n`,
      'multiarch.cmd': '@"C:\\run%%a\\node.exe" "D:\\b\\multiarch.js" %*\r\n',
    });
  });

  it('quote every character of a path', () => {
    expect(programs('/a', "/it's", 'linux')).toEqual({
      multiarch: `#!/bin/sh\nexec '/a' '/it'\\''s' "$@"\n`,
    });
  });
});
