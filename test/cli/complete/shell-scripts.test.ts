import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { shellScript, type Shell } from '../../../src/cli/complete/shell-scripts.js';
import { makeCommandLine } from '../../support/in-process.js';
import { describeOptional } from '../../support/integration.js';
import { run } from '../../support/run.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

/** Answers `__complete` with the candidates that start with the last word, and records the arguments of any other call. */
const STUB = `#!/bin/sh
if [ "$1" != __complete ]; then
  for word; do printf '<%s>' "$word"; done >>"$CALLS"
  echo >>"$CALLS"
  exit
fi
for last; do :; done
case $last in -*=*) last=\${last#*=} ;; esac
directive=4
while IFS= read -r line; do
  case $line in "$last"*) printf '%s\\n' "$line" ;; esac
done <<END
create	Create: a draft
copy	Copy an image
app:1.2	A draft
registry.example.com:5000/team/app:2	Another
linux/amd64
linux/amd64,linux/s390x
requests=
app@sha256:0123
END
case $last in req*) directive=6 ;; fil*) directive=0 ;; dir*) directive=16 ;; esac
echo ":$directive"
`;

const START: Readonly<
  Record<Exclude<Shell, 'powershell'>, { readonly command: string; readonly init: string }>
> = {
  bash: { command: 'bash --norc -i', init: 'source ./script' },
  zsh: { command: 'zsh -f -i', init: 'autoload -U compinit; compinit -D -u; source ./script' },
  fish: { command: 'fish --no-config -i', init: 'source ./script' },
};

/** Types lines into a shell on a terminal. Returns the arguments of the calls. */
async function type(
  shell: keyof typeof START,
  lines: readonly string[],
  directory?: string,
): Promise<string[]> {
  directory ??= await temporaryDirectory();
  const bin = join(directory, 'bin');
  await mkdir(bin);
  await writeFile(join(bin, 'multiarch'), STUB);
  await chmod(join(bin, 'multiarch'), 0o755);
  await writeFile(join(directory, 'script'), shellScript(shell));
  await writeFile(join(directory, 'file.yaml'), '');
  await mkdir(join(directory, 'directory'));
  const calls = join(directory, 'calls');
  const { command, init } = START[shell];
  const stdin = [init, ...lines, 'exit', ''].join('\n');
  const env = {
    PATH: `${bin}:${process.env['PATH']}`,
    CALLS: calls,
    HOME: directory,
    TERM: 'dumb',
    PS1: '$ ',
  };
  const { stdout } = await run('script', ['-qec', command, '/dev/null'], { cwd: directory, env, stdin });
  const recorded = await readFile(calls, 'utf8').catch(() => stdout);
  return recorded.trimEnd().split('\n');
}

describe.each(['bash', 'zsh', 'fish'] as const)('the script for %s', (shell) => {
  describeOptional('on a terminal', [shell, 'script'], () => {
    it('completes words, whatever characters bash splits them at', async () => {
      const lines: readonly (readonly [string, string])[] = [
        ['multiarch cop\t', '<copy>'],
        ['multiarch push app:\t', '<push><app:1.2>'],
        ['multiarch push app:1\t', '<push><app:1.2>'],
        ['multiarch push app@\t', '<push><app@sha256:0123>'],
        ['multiarch push regi\t', '<push><registry.example.com:5000/team/app:2>'],
        ['multiarch push registry.example.com:50\t', '<push><registry.example.com:5000/team/app:2>'],
        ['multiarch push "app:1\t', '<push><app:1.2>'],
        ['multiarch push --require=linux/amd64,\t', '<push><--require=linux/amd64,linux/s390x>'],
        ['multiarch push --require linux/amd64,\t', '<push><--require><linux/amd64,linux/s390x>'],
        ['multiarch ls --limit req\t5', '<ls><--limit><requests=5>'],
        ['multiarch create -f fil\t', '<create><-f><file.yaml>'],
        ['multiarch create --digests dir\tx', '<create><--digests><directory/x>'],
        ['multiarch push nothing\t', '<push><nothing>'],
      ];
      const typed = lines.map(([line]) => line);
      expect(await type(shell, typed)).toEqual(lines.map(([, expected]) => expected));
    });

    it('evaluates nothing of what is typed', async () => {
      const directory = await temporaryDirectory();
      // The line is erased after the key Tab.
      const typed = ['multiarch push $(touch evaluated) `touch evaluated` app:\t\u0015multiarch ls'];
      await type(shell, typed, directory);
      expect(await readdir(directory)).not.toContain('evaluated');
    });
  });
});

describe('multiarch completion', () => {
  it.each(['bash', 'zsh', 'fish', 'powershell'] as const)('%s prints the script', async (shell) => {
    const { run: call } = await makeCommandLine();
    expect(await call(['completion', shell])).toEqual(
      expect.objectContaining({ code: 0, stdout: shellScript(shell), stderr: '' }),
    );
  });

  it('names the shells for any other', async () => {
    const { run: call } = await makeCommandLine();
    expect(await call(['completion', 'tcsh'])).toMatchObject({
      code: 125,
      stdout: '',
      stderr: 'error: unknown shell: tcsh\nhint: Shells are bash, zsh, fish, powershell.\n',
    });
  });
});
