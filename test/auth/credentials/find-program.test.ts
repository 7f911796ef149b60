import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';

import { beforeEach, describe, expect, it } from 'vitest';

import { CredentialHelper } from '../../../src/auth/credentials/credential-helper.js';
import { findProgram } from '../../../src/auth/credentials/find-program.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { installHelper } from '../helper-program.js';

const NAME = 'docker-credential-test';
let directory: string;
beforeEach(async () => {
  directory = await temporaryDirectory();
});

const find = (
  path: string | undefined,
  platform: NodeJS.Platform = 'linux',
): ReturnType<typeof findProgram> =>
  findProgram(NAME, { env: path === undefined ? {} : { PATH: path }, platform });

async function install(name: string, mode: number): Promise<string> {
  const path = join(directory, name);
  await mkdir(path);
  await writeFile(join(path, NAME), '#!/bin/sh\n');
  await chmod(join(path, NAME), mode);
  return path;
}

describe.runIf(process.platform !== 'win32')('findProgram', () => {
  it('finds the first executable file', async () => {
    const [blocked, first, second] = [
      await install('blocked', 0o644),
      await install('first', 0o755),
      await install('second', 0o755),
    ];
    await mkdir(join(directory, NAME));
    const path = [directory, join(directory, 'missing'), blocked, first, second].join(':');
    expect(await find(path)).toEqual({ path: join(first, NAME), isExecutable: true });
    expect(await find(`${directory}:${blocked}`)).toEqual({ path: join(blocked, NAME), isExecutable: false });
    expect(await find(directory)).toBeUndefined();
  });

  it('uses the default of the system without PATH', async () => {
    expect((await findProgram('sh', { env: {}, platform: 'linux' }))?.path).toMatch(/^(?:\/usr)?\/bin\/sh$/);
  });

  // An empty element and `.` are the working directory.
  it.each(['', ':', '.', './', ':/nonexistent:', '/nonexistent::.', 'RELATIVE', './RELATIVE', '..:RELATIVE'])(
    'takes no program from a directory relative to the working directory: PATH=%j',
    async (elements) => {
      const bin = await install('bin', 0o755);
      const path = elements.replace('RELATIVE', relative(process.cwd(), bin));
      expect(await find(path)).toBeUndefined();
      expect(await find(`${path}:${bin}`)).toEqual({ path: join(bin, NAME), isExecutable: true });
    },
  );
});

it.runIf(process.platform !== 'win32')(
  'a credential helper in the working directory is not run',
  async () => {
    const { calls } = await installHelper(directory, 'test', 'echo {}');
    const helper = new CredentialHelper('test', {
      env: { PATH: relative(process.cwd(), directory) },
      namedIn: 'config.json',
    });
    await expect(helper.get('r')).rejects.toThrow('it is not on the PATH');
    await expect(calls()).rejects.toMatchObject({ code: 'ENOENT' });
  },
);
