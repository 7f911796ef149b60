import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';

import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';

import { readRegularFile, readRegularFileSync, SpecialFileError } from '../../src/files/regular-file.js';
import { failureOf } from '../support/failure.js';
import { mustRun } from '../support/run.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

let directory: string;
beforeEach(async () => {
  directory = await temporaryDirectory();
});

describe.runIf(process.platform !== 'win32').each([
  ['readRegularFile', readRegularFile],
  ['readRegularFileSync', (path: string) => Promise.resolve().then(() => readRegularFileSync(path))],
])('%s', (_, read) => {
  it('reads a file', async () => {
    const path = join(directory, 'file');
    await writeFile(path, 'text ü'.repeat(100_000));
    expect((await read(path)).toString()).toBe('text ü'.repeat(100_000));
  });

  it('does not wait for a pipe', async () => {
    const path = join(directory, 'pipe');
    await mustRun('mkfifo', [path]);
    const error = await failureOf(read(path));
    expect(error).toBeInstanceOf(SpecialFileError);
    expect(error).toMatchObject({ message: 'it is a pipe, not a regular file' });
  });

  it('rejects a socket', async () => {
    const path = join(directory, 'socket');
    const server = createServer().listen(path);
    onTestFinished(() => void server.close());
    await new Promise((resolve) => server.once('listening', resolve));
    expect(await failureOf(read(path))).toMatchObject({ message: 'it is a socket, not a regular file' });
  });

  it('takes /dev/null as an empty file, and reads no more of a device than a file can have', async () => {
    expect(await read('/dev/null')).toHaveLength(0);
    expect((await read('/dev/zero')).length).toBeLessThan(1_000_000);
  });

  it.each([
    ['missing', '', 'ENOENT'],
    ['a directory', '.', 'EISDIR'],
  ])('fails as readFile does for what is %s', async (_what, name, code) => {
    const path = name === '' ? join(directory, 'missing') : directory;
    await expect(read(path)).rejects.toMatchObject({ code });
  });
});
