import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { amd64, arm64 } from '../../support/images.js';
import { startCommandLine } from '../../support/in-process.js';

const FILE = `target: \${REPOSITORY}:\${VERSION:?the release}
tags: ['\${TAG:-latest}']
images:
  - source: \${REPOSITORY}:1-{arch}
    platforms: [linux/amd64, linux/arm64]
`;

async function start() {
  const commandLine = await startCommandLine({ images: { '1-amd64': amd64, '1-arm64': arm64 } });
  const file = join(commandLine.directory, 'assembly.yaml');
  await writeFile(file, FILE);
  return { ...commandLine, file };
}

describe('create -f with variables', () => {
  it('takes them from the environment and from --set, which takes precedence', async () => {
    const { app, file, registry, run } = await start();
    const env = { REPOSITORY: app, VERSION: '1.1' };
    const result = await run(['create', '-f', file, '--set', 'VERSION=1.2', '--set=TAG=a', '--push'], {
      env,
    });
    expect(result).toMatchObject({ code: 0 });
    expect(['1.1', '1.2', 'a', 'latest'].map((tag) => registry.manifest('app', tag) !== undefined)).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });

  it('are read for a login too, and from standard input', async () => {
    const { app, run } = await start();
    const set = ['--set', `REPOSITORY=${app}`, '--set', 'VERSION=1.2'];
    expect((await run(['create', '-f', '-', ...set], { stdin: FILE })).code).toBe(0);
  });

  it('without a value, nothing is requested and the exit code is 5', async () => {
    const { app, file, registry, run } = await start();
    const result = await run(['create', '-f', file, '--push'], { env: { REPOSITORY: app, VERSION: '' } });
    expect(result.code).toBe(5);
    expect(result.stderr).toContain(
      `${file} is not a valid assembly file: line 1, column 9: uses the variable VERSION, which is empty: the release`,
    );
    expect(registry.requests).toEqual([]);
  });

  it.each([
    [['--set', 'VERSION'], '--set takes NAME=VALUE, not "VERSION"'],
    [['--set', '=1'], '--set takes NAME=VALUE, not "=…"'],
    [['--set', '1A=secret'], '--set takes NAME=VALUE, not "1A=…"'],
    [['--set', 'VERSION=1', '--set', 'VERSION=2'], '--set VERSION is given twice, with different values'],
    [['--set', 'VERSON=1'], 'no assembly file uses the variable VERSON (--set)'],
  ])('%j is an error of the command line', async (flags, message) => {
    const { app, file, run } = await start();
    const env = { REPOSITORY: app, VERSION: '1' };
    const { code, stderr } = await run(['create', '-f', file, ...flags], { env });
    expect(code).toBe(125);
    expect(stderr).toContain(message);
    expect(stderr).not.toContain('secret');
  });

  it('--set needs a file', async () => {
    const { app, run } = await start();
    const { code, stderr } = await run(['create', `${app}:x`, `${app}:1-amd64`, '--set', 'A=1']);
    expect(code).toBe(125);
    expect(stderr).toContain('no assembly file uses the variable A (--set)');
  });

  it('validate checks a file with the same variables', async () => {
    const { file, run } = await start();
    expect((await run(['validate', file])).code).toBe(5);
    const set = ['--set', 'REPOSITORY=a.example/app'];
    expect((await run(['validate', file, ...set], { env: { VERSION: '1' } })).code).toBe(0);
    const { code, stderr } = await run(['validate', file, ...set, '--set', 'B=1'], { env: { VERSION: '1' } });
    expect(code).toBe(125);
    expect(stderr).toContain('no assembly file uses the variable B (--set)');
  });
});
