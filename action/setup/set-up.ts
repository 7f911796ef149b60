import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { Terminal } from '../../src/cli/output/terminal.js';
import { VERSION } from '../../src/version.js';
import { checkVersion, Inputs } from '../inputs.js';
import { draftsOfJob, runnerFile, runStep, setValues } from '../step.js';

/**
 * Puts the command on the PATH of the following steps. It runs with the Node of the runner, so a job needs no other, and nothing
 * is downloaded.
 * @param launcher the path of `bin/multiarch.js`
 * @returns the exit code
 */
export function setUp(
  terminal: Pick<Terminal, 'env' | 'stdout' | 'stderr'>,
  launcher: string,
  platform: NodeJS.Platform = process.platform,
): Promise<number> {
  const { env, stdout } = terminal;
  return runStep(terminal, async () => {
    checkVersion(new Inputs(env).text('version'));
    // The runner empties it before and after each job.
    const directory = join(runnerFile(env, 'RUNNER_TEMP'), 'multiarch', 'bin');
    await mkdir(directory, { recursive: true });
    for (const [name, text] of Object.entries(programs(process.execPath, launcher, platform))) {
      await writeFile(join(directory, name), text, { mode: 0o755 });
    }
    await appendFile(runnerFile(env, 'GITHUB_PATH'), `${directory}\n`);
    await setValues(env, 'GITHUB_ENV', draftsOfJob(env));
    await setValues(env, 'GITHUB_OUTPUT', { version: VERSION });
    stdout.write(`multiarch ${VERSION} is on the PATH\n`);
    return 0;
  });
}

/** The programs that run a file with Node, by name. On Windows also for its own shells, which look for `.cmd`. */
export function programs(node: string, file: string, platform: NodeJS.Platform): Record<string, string> {
  const isWindows = platform === 'win32';
  // bash on Windows takes both slashes.
  const [shellNode = '', shellFile = ''] = [node, file].map((path) =>
    shellQuoted(isWindows ? path.replaceAll('\\', '/') : path),
  );
  const shell = `#!/bin/sh\nexec ${shellNode} ${shellFile} "$@"\n`;
  if (!isWindows) return { multiarch: shell };
  const [batchNode = '', batchFile = ''] = [node, file].map((path) => `"${path.replaceAll('%', '%%')}"`);
  return { multiarch: shell, 'multiarch.cmd': `@${batchNode} ${batchFile} %*\r\n` };
}

function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
