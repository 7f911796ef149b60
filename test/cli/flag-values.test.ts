import { describe, expect, it } from 'vitest';

import { COMMANDS } from '../../src/cli/commands/command-table.js';
import { GLOBAL_OPTIONS } from '../../src/cli/global-options.js';
import type { OptionDeclarations } from '../../src/cli/flags.js';
import { amd64, arm64 } from '../support/images.js';
import { startCommandLine } from '../support/in-process.js';

/** The positionals of a call of each command that succeeds, or fails with another exit code than that of a mistake of usage. */
const POSITIONALS: Readonly<Record<string, readonly string[]>> = {
  create: ['APP:new', 'APP:amd64'],
  annotate: ['APP:draft', 'APP:amd64'],
  remove: ['APP:draft', 'APP:amd64'],
  inspect: ['APP:amd64'],
  push: ['APP:draft'],
  copy: ['APP:amd64', 'APP:copy'],
  undo: ['APP:draft'],
  rm: ['APP:draft'],
  ls: [],
  diff: ['APP:amd64', 'APP:arm64'],
  validate: ['APP:amd64'],
  cache: [],
  digest: ['APP:amd64'],
  tags: ['APP'],
  delete: ['APP:amd64'],
  completion: ['bash'],
  config: [],
  plugin: ['install'],
  help: [],
  version: [],
  login: ['HOST'],
  logout: ['HOST'],
};

/** The names of options with a value that is not a number or one of a few texts, which are checked with the flags. */
const valued = (options: OptionDeclarations): string[] =>
  Object.keys(options)
    .filter((name) => options[name]?.type === 'string' || options[name]?.array === true)
    // Any text is a token or a directory, and a message about a file names the file.
    .filter((name) => !/registry-token$|file$|^store$/.test(name));

describe('the message about an invalid value of a flag names the flag', () => {
  it.each(COMMANDS.map(({ name, load }) => ({ name, load })))('$name', async ({ name, load }) => {
    const { app, host, run } = await startCommandLine({ images: { amd64, arm64 } });
    await run(['create', `${app}:draft`, `${app}:amd64`]);
    const positionals = (POSITIONALS[name] ?? []).map((arg) => arg.replace('APP', app).replace('HOST', host));
    const { options } = await load();
    const names = [...valued(options), ...(name === 'inspect' ? valued(GLOBAL_OPTIONS) : [])];
    const unnamed: string[] = [];
    for (const flag of names) {
      for (const value of ['!! bad', '']) {
        const { code, stderr } = await run([name, ...positionals, `--${flag}=${value}`]);
        if (code === 125 && !stderr.includes(`--${flag}`)) unnamed.push(`--${flag}=${value}: ${stderr}`);
        expect(code, `--${flag}=${value}: ${stderr}`).toBeGreaterThanOrEqual(0);
      }
    }
    expect(unnamed).toEqual([]);
    expect(Object.keys(POSITIONALS)).toContain(name);
  });

  it.each([
    ['create', '--platform=toaster', 'invalid platform "toaster" (--platform)'],
    ['create', '--require=', 'invalid list of platforms "": one is empty (--require)'],
    ['create', '--wait=soon', 'invalid duration "soon" (--wait)'],
    ['create', '--annotation=a', 'invalid annotation "a": missing "=" (--annotation)'],
    ['create', '--file=', '--file is empty'],
    ['create', '--digests=', '--digests is empty'],
    ['inspect', '--platform=toaster', 'invalid platform "toaster" (--platform)'],
    ['inspect', '--timeout=soon', 'invalid duration "soon" (--timeout)'],
    ['inspect', '--retry-for=soon', 'invalid duration "soon" (--retry-for)'],
    ['push', '--tag=A b', 'invalid reference "A b": "A b" is not a repository name (--tag)'],
    [
      'copy',
      '--expect-current=x',
      'invalid digest "x": it has no algorithm, such as "sha256:" (--expect-current)',
    ],
  ])('%s %s', async (name, flag, message) => {
    const { app, run } = await startCommandLine({ images: { amd64 } });
    await run(['create', `${app}:draft`, `${app}:amd64`]);
    const positionals = (POSITIONALS[name] ?? []).map((arg) => arg.replace('APP', app));
    const { code, stdout, stderr } = await run([name, ...positionals, flag]);
    expect({ code, stdout }).toEqual({ code: 125, stdout: '' });
    expect(stderr).toContain(`error: ${message}\n`);
  });
});
